"""The gate of a session: its rows held against the accepted past, or accepted as the next one."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from ..gate import baseline_file
from ..gate.baseline import Baseline, Fingerprint, Measured
from ..gate.verdict import Outcome, Summary, Verdict, remarks, summary
from ..spec.errors import UsageError
from ..spec.record import Record, Status
from .bakeoff import Bakeoff


class Gate:
    """The baselines of a suite beside the rows of this session."""

    def __init__(self, bakeoff: Bakeoff):
        self.bakeoff = bakeoff
        self.baselines = baseline_file.read_all(bakeoff.store.baselines)
        self._asked: list[str] = []

    @property
    def rows(self) -> list[str]:
        """The rows to judge on a full run: the suite's, and those that only a baseline has. None without a baseline."""
        known = [name for baseline in self.baselines for name in baseline.rows]
        return list(dict.fromkeys([*self.bakeoff.methods, *known])) if known else []

    def require(self) -> None:
        """Raise ``UsageError`` where there is nothing to compare with."""
        if not self.rows:
            raise UsageError(
                f"--gate: no baseline in {self.bakeoff.store.baselines}; accept one with --update-baseline"
            )

    def ask(self, rows: Iterable[str]) -> None:
        """Tell which rows will be judged; the others are not compared."""
        self._asked = list(rows)

    def verdicts(self, row: str) -> list[Verdict]:
        """What is to be said about a row, metric by metric; runs that it needs and that were not selected are done."""
        return [verdict for verdict in self._verdicts if verdict.row == row]

    @cached_property
    def summary(self) -> Summary:
        """All verdicts, and the rows that were left out."""
        from ..gate import matches  # scipy, which listing the runs must not wait for

        expected = matches.expected(self.baselines)
        return summary(self._verdicts, [name for name in expected if name not in self._asked])

    @property
    def remarks(self) -> list[str]:
        """What is neither a failure nor a plain ``pass``, and what to do where a change may be meant."""
        moved = any(one.outcome in (Outcome.REGRESSED, Outcome.IMPROVED) for one in self._verdicts if not one.advisory)
        remedy = ["accept an intended change with --update-baseline; add -k to accept single rows"] if moved else []
        return [*remarks(self._verdicts), *remedy]

    @property
    def judged(self) -> bool:
        """Whether there are verdicts to sum up."""
        return "_verdicts" in self.__dict__

    def accept(self) -> tuple[Path | None, list[str]]:
        """Make the rows that were asked for the baseline; its file if it changed, and old → new for each row.

        Not a row of which a seed did not run, or a run of which fails its test.
        """
        from ..gate import matches

        records = self.bakeoff.asked
        rows = matches.rows(self.bakeoff.scored(records))
        ended = [record for record in records if record.status == Status.OK]
        failing = {each.spec.method: self._failure(each) for each in ended if self._failure(each)}
        refused = {name: reason for name, row in rows.items() if (reason := self._gaps(name, row) or failing.get(name))}
        new = Baseline(self.bakeoff.suite.name, self._here, rows)
        return baseline_file.update(self.bakeoff.store.baselines, new, refused)

    @cached_property
    def _verdicts(self) -> Sequence[Verdict]:
        from ..gate import matches
        from ..gate.tolerance import Rules

        records = [self.bakeoff.finish(run) for run in self.bakeoff.runs if run.method in self._asked]
        rules = Rules(margin=self.bakeoff.suite.evaluation.margin)
        found = matches.verdicts(matches.rows(self.bakeoff.scored(records)), self._here, self.baselines, rules)
        return [verdict for verdict in found if verdict.row in self._asked]

    def _failure(self, record: Record) -> str:
        """Why a run fails its test, in one line; empty if it passes."""
        first = next(iter(self.bakeoff.problems(record)), "")
        return f"seed {record.spec.seed}: {first.splitlines()[0]}" if first else ""

    def _gaps(self, name: str, row: Measured) -> str:
        """Which seeds of the suite a row does not have."""
        seeds = [run.seed for run in self.bakeoff.runs if run.method == name and run.seed not in row.row.runs]
        return f"it did not run with seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}" if seeds else ""

    @property
    def _here(self) -> Fingerprint:
        return Fingerprint.of(self.bakeoff.environment)
