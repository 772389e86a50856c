"""Publishing a suite: what its sessions left in ``results/local/`` becomes ``results/<suite>/``, tables included."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..gate import baseline_file
from ..spec import plan
from ..spec.errors import StoreError
from ..spec.figures import changes
from ..spec.names import PACKAGE
from ..spec.record import Leakage, Record, RunSpec
from ..spec.registry import Plugin
from ..spec.suite import JUDGED_BY, LOCAL, Suite
from ..store.results import Store
from . import resume, tables

# Where a page shows a published leaderboard: between a comment that names its file and one that ends it.
SHOWN = re.compile(
    r"(?P<begin><!-- leaderboard: the table of (?P<page>\S+) -->\n\n).*?(?P<end>\n\n<!-- end of leaderboard -->)", re.S
)


def publish(results: Path, suite: Suite, plugins: Mapping[str, Plugin]) -> list[Path]:
    """Put what the last sessions left in the place of what is published; the files with its tables.

    Raises ``StoreError`` unless every run of the suite is there, done as it would be done now, all in one environment.
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
    """Write the tables of what is published again, from stored scores alone, on whatever machine they were made.

    Raises ``UsageError`` where there is nothing, or where the suite or its data are not those of the stored runs.
    """
    store = Store(results, suite.name)
    store.open()
    try:
        records = _published(store, suite)
        entries = tables.entries(store, records)
        return tables.write(store, suite, tables.tables(store, suite, entries, _leakage(store, suite, records)))
    finally:
        store.close()


def migrate(results: Path, suite: Suite) -> list[Path]:
    """Bring what is published of a suite to today's schema, whatever it was stored by; the files that this changed.

    Nothing is run again: names, hashes, texts and scores stay what they are.
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
    """Bring the published leaderboards that a Markdown page shows up to date; whether that changed it."""
    before = page.read_text(encoding="utf-8")
    after = SHOWN.sub(lambda mark: mark["begin"] + _table(page.parent / mark["page"]) + mark["end"], before)
    if after != before:
        page.write_text(after, encoding="utf-8")
    return after != before


def _table(leaderboard: Path) -> str:
    """The first table of a page, which is the ranked one."""
    parts = leaderboard.read_text(encoding="utf-8").split("\n\n")
    return next(part for part in parts if part.startswith("|")).strip()


def _whole(store: Store, runs: Sequence[RunSpec]) -> list[Record]:
    """The stored records of these runs."""
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
    """Why a stored record is not what a session would leave now."""
    if stored is None:
        return "not stored yet"
    tuned = [found.tuned(run) for found in store.read_searches(run.method)]
    return None if stored.spec in (run, *tuned) else resume.difference(run, stored.spec)


def _published(store: Store, suite: Suite) -> list[Record]:
    """What is published of the suite as it is now."""
    records = store.read_runs()
    if not records:
        raise StoreError(f"{store.folder}: there are no results; run the suite, then python -m {PACKAGE} publish")
    for record in records:
        if different := changes(_setting(record.spec), _setting(suite)):
            name = record.spec.name
            raise StoreError(f"{store.folder}: {name} was run in another suite: {', '.join(different)}; run it again")
    return records


def _leakage(store: Store, suite: Suite, records: Sequence[Record]) -> Leakage:
    """The leakage of the suite's data, which are loaded to see whether these runs are about them."""
    from ..tasks import data, leakage, task  # datasets and torch, which only this needs

    rows = data.cut(suite.task, data.load(suite.task))
    if {record.provenance.data_hash for record in records} != {task.hash_of(rows)}:
        raise StoreError(f"{store.folder}: the rows of its data have changed; run the suite again")
    return leakage.measure(*([row.dialogue for row in rows[split]] for split in ("train", "test")))


def _setting(one: RunSpec | Suite) -> dict[str, object]:
    """What all runs of a suite share, and what is written above its table."""
    return one.model_dump(
        include={"task": True, "model": True, "budget": True, "evaluation": True}, exclude={"evaluation": JUDGED_BY}
    )
