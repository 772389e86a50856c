"""Publishing a suite: copying its results from ``results/local/`` to ``results/<suite>/``, tables included."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..gate import baseline_file
from ..report import tables
from ..spec import plan
from ..spec.errors import StoreError
from ..spec.figures import changes
from ..spec.names import PACKAGE
from ..spec.preflight import Leakage
from ..spec.record import Record, RunSpec
from ..spec.registry import Plugin
from ..spec.suite import JUDGED_BY, LOCAL, Suite
from ..store.results import Store
from . import resume

# A page shows a published leaderboard between a comment that names its file and a comment that ends it.
LEADERBOARD_MARKS = re.compile(
    r"(?P<begin><!-- leaderboard: the table of (?P<page>\S+) -->\n\n).*?(?P<end>\n\n<!-- end of leaderboard -->)", re.S
)


def publish(results: Path, suite: Suite, plugins: Mapping[str, Plugin]) -> list[Path]:
    """Replace the published results with those of the last sessions; return the files with the tables.

    Raises ``StoreError`` unless every run of the suite is stored, unchanged, and done in one environment.
    """
    local, public = Store(results / LOCAL, suite.name, results), Store(results, suite.name)
    local.open()
    try:
        records = _whole(local, plan.runs(suite, plugins))
        public.open()
        try:
            public.take(local, records)
        finally:
            public.close()
    finally:
        local.close()
    return render(results, suite)


def render(results: Path, suite: Suite) -> list[Path]:
    """Write the tables of the published results again from the stored scores, which may come from another machine.

    Raises ``UsageError`` if there are no results, or if the suite or its data differ from those of the stored runs.
    """
    store = Store(results, suite.name)
    store.open()
    try:
        records = _published(store, suite)
        entries = tables.entries(store, records)
        return tables.write(
            store, suite, tables.tables(store, suite.run.seeds, entries, _leakage(store, suite, records))
        )
    finally:
        store.close()


def migrate(results: Path, suite: Suite) -> list[Path]:
    """Convert a suite's published results to the current schema; return the files that changed.

    Nothing is run again: names, hashes, texts and scores stay the same.
    """
    store = Store(results, suite.name)
    store.open()
    try:
        changed = store.migrate()
        for baseline in baseline_file.read_all(store.baselines):
            before = baseline_file.path_of(store.baselines, baseline).read_bytes()
            path = baseline_file.write(store.baselines, baseline)
            changed += [path] if path.read_bytes() != before else []
        return changed
    finally:
        store.close()


def show(page: Path) -> bool:
    """Update the published leaderboards that a Markdown page shows; return whether the page changed."""
    before = page.read_text(encoding="utf-8")
    after = LEADERBOARD_MARKS.sub(lambda mark: mark["begin"] + _table(page.parent / mark["page"]) + mark["end"], before)
    if after != before:
        page.write_text(after, encoding="utf-8")
    return after != before


def _table(leaderboard: Path) -> str:
    """The first table of a page, which is the leaderboard."""
    parts = leaderboard.read_text(encoding="utf-8").split("\n\n")
    return next(part for part in parts if part.startswith("|")).strip()


def _whole(store: Store, runs: Sequence[RunSpec]) -> list[Record]:
    """The stored records of these runs; raises ``StoreError`` if they cannot be published."""
    stored = {record.spec.name: record for record in store.read_runs()}
    reasons = [f"{run.name}: {reason}" for run in runs if (reason := _obstacle(store, run, stored.get(run.name)))]
    records = [stored[run.name] for run in runs if run.name in stored]
    if len({record.environment and record.environment.hash for record in records}) > 1:
        reasons.append("its runs were done in different environments")
    if len({(record.provenance.data_hash, record.provenance.model_revision) for record in records}) > 1:
        reasons.append("its runs were done on different data or base models")
    if reasons:
        listed = "\n".join(f"  {reason}" for reason in reasons[:10])
        more = f"\n  and {len(reasons) - 10} more" if len(reasons) > 10 else ""
        raise StoreError(f"{store.folder}: cannot be published yet; run the whole suite first:\n{listed}{more}")
    return records


def _obstacle(store: Store, run: RunSpec, stored: Record | None) -> str | None:
    """Why a session would not produce this stored record now; ``None`` if it would."""
    if stored is None:
        return "not stored yet"
    tuned = [found.tuned(run) for found in store.read_searches(run.method)]
    return None if stored.spec in (run, *tuned) else resume.difference(run, stored.spec)


def _published(store: Store, suite: Suite) -> list[Record]:
    """The published records of the suite; raises ``StoreError`` if there are none or the suite has changed."""
    records = store.read_runs()
    if not records:
        raise StoreError(f"{store.folder}: there are no results; run the suite, then python -m {PACKAGE} publish")
    for record in records:
        if different := changes(_setting(record.spec), _setting(suite)):
            name = record.spec.name
            listed = ", ".join(different)
            raise StoreError(f"{store.folder}: {name} ran with different suite settings: {listed}; run it again")
    return records


def _leakage(store: Store, suite: Suite, records: Sequence[Record]) -> Leakage:
    """The leakage of the suite's data, after checking that these runs used the same data."""
    from ..tasks import data, leakage, task  # imported here: only this function needs datasets and torch

    rows = data.cut(suite.task, data.load(suite.task))
    if {record.provenance.data_hash for record in records} != {task.hash_of(rows)}:
        raise StoreError(f"{store.folder}: the rows of its data have changed; run the suite again")
    return leakage.measure(*([row.asked for row in rows[split]] for split in ("train", "test")))


def _setting(one: RunSpec | Suite) -> dict[str, object]:
    """The settings that all runs of a suite share."""
    return one.model_dump(
        include={"task": True, "model": True, "budget": True, "evaluation": True}, exclude={"evaluation": JUDGED_BY}
    )
