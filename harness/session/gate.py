"""The gate of a session: its rows are compared with the baseline, or accepted as the new one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..gate import baseline_file
from ..gate.baseline import Baseline, Fingerprint, Measured
from ..gate.verdict import Outcome, Summary, Verdict, remarks, summary
from ..report import tables
from ..spec.plan import Request
from ..spec.record import Record, Status
from ..store.results import Store
from .bakeoff import Bakeoff


@dataclass(frozen=True)
class Accepted:
    """The baselines of a suite, which are in ``folder``, and the rows to judge in a full session.

    These are the suite's rows and those that only a baseline has; none if there is no baseline.
    """

    folder: Path
    baselines: Sequence[Baseline]
    rows: Sequence[str]


def accepted(request: Request) -> Accepted:
    """The suite's accepted baselines; raises ``StoreError`` if one cannot be read."""
    folder = Store(request.results, request.suite.name, request.published).baselines
    baselines = baseline_file.read_all(folder)
    known = [name for baseline in baselines for name in baseline.rows]
    return Accepted(folder, baselines, list(dict.fromkeys([*request.methods, *known])) if known else [])


class Gate:
    """The comparison of this session's selected rows, ``asked``, with the baselines of its suite."""

    def __init__(self, bakeoff: Bakeoff, baselines: Sequence[Baseline], asked: Sequence[str] = ()):
        self.bakeoff = bakeoff
        self.judged = False  # whether there are verdicts to summarise
        self._baselines = baselines
        self._asked = asked

    def verdicts(self, row: str) -> list[Verdict]:
        """The verdicts on a row, metric by metric; runs that it needs are done even if they were not selected."""
        return [verdict for verdict in self._verdicts if verdict.row == row]

    @cached_property
    def summary(self) -> Summary:
        """The summary of all verdicts, with the rows that were left out."""
        from ..gate import matches  # imported here: scipy must not delay listing the runs

        expected = matches.expected(self._baselines)
        return summary(self._verdicts, [name for name in expected if name not in self._asked])

    @property
    def remarks(self) -> list[str]:
        """Lines on verdicts that neither fail nor pass, and on how to accept an intended change."""
        moved = any(one.outcome in (Outcome.REGRESSED, Outcome.IMPROVED) for one in self._verdicts if not one.advisory)
        remedy = "accept an intended change with --update-baseline; add -k to accept individual rows only"
        return [*remarks(self._verdicts), *([remedy] if moved else [])]

    def accept(self) -> tuple[Path | None, list[str]]:
        """Accept the selected rows as the baseline; return its file if it changed, and old → new for each row.

        A row is not accepted if one of its seeds did not run or one of its runs fails its test.
        """
        records = self.bakeoff.asked
        measured = self._measured(records)
        ended = [record for record in records if record.status == Status.OK]
        failing = {each.spec.method: reason for each in ended if (reason := self._failure(each))}
        refused = {
            name: reason for name, row in measured.items() if (reason := self._gaps(name, row) or failing.get(name))
        }
        new = Baseline(self.bakeoff.suite.name, self._here, measured)
        return baseline_file.update(self.bakeoff.store.baselines, new, refused)

    @cached_property
    def _verdicts(self) -> Sequence[Verdict]:
        from ..gate import matches
        from ..gate.tolerance import Rules

        records = [self.bakeoff.finish(run) for run in self.bakeoff.runs if run.method in self._asked]
        rules = Rules(margin=self.bakeoff.suite.evaluation.margin)
        found = matches.verdicts(self._measured(records), self._here, self._baselines, rules)
        self.judged = True
        return [verdict for verdict in found if verdict.row in self._asked]

    def _measured(self, records: Sequence[Record]) -> dict[str, Measured]:
        from ..gate import matches

        return matches.rows(tables.entries(self.bakeoff.store, records))

    def _failure(self, record: Record) -> str | None:
        """Why a run fails its test, in one line; ``None`` if it passes."""
        first = next(iter(self.bakeoff.problems(record)), None)
        return f"seed {record.spec.seed}: {first.splitlines()[0]}" if first else None

    def _gaps(self, name: str, row: Measured) -> str | None:
        """Which of the suite's seeds a row lacks, as a reason to refuse it; ``None`` if it has them all."""
        seeds = [run.seed for run in self.bakeoff.runs if run.method == name and run.seed not in row.row.runs]
        return f"it did not run with seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}" if seeds else None

    @property
    def _here(self) -> Fingerprint:
        """The machines that may execute runs of this session, whichever of them executed the selected ones."""
        ran = [record.environment for record in self.bakeoff.asked if record.environment]
        return Fingerprint.of_session(ran, self.bakeoff.environments)
