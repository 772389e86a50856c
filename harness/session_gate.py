"""The gate of a session: its rows held against the accepted past, or accepted as the next one."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from harness import baseline_file
from harness.baseline import Baseline, Fingerprint, Measured
from harness.errors import UsageError
from harness.session import Bakeoff
from harness.verdict import Summary, Verdict, summary


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
        from harness import gate  # scipy, which listing the runs must not wait for

        expected = gate.expected(self._here, self.baselines)
        return summary(self._verdicts, [name for name in expected if name not in self._asked])

    @property
    def judged(self) -> bool:
        """Whether there are verdicts to sum up."""
        return "_verdicts" in self.__dict__

    def accept(self) -> tuple[Path | None, list[str]]:
        """Make this session's rows the baseline; its file if it was written, and old → new for each row.

        A row of which not every seed is there would be a weaker past, so it is left as it was.
        """
        from harness import gate

        methods = {record.spec.method for record in self.bakeoff.records}
        rows = gate.rows(entry for entry in self.bakeoff.entries() if entry.record.spec.method in methods)
        parts = {name: gaps for name, row in rows.items() if (gaps := self._gaps(name, row))}
        lines = [f"{name}: left as it was, since it did not run with {gaps}" for name, gaps in parts.items()]
        whole = {name: row for name, row in rows.items() if name not in parts}
        if not whole:
            return None, lines
        new = Baseline(self.bakeoff.suite.name, self._here, whole)
        changes = baseline_file.update(self.bakeoff.store.baselines, new)
        told = [line for line in changes if line.partition(":")[0] not in parts]
        return self.bakeoff.store.baselines / f"{self._here.hash}.json", [*told, *lines]

    @cached_property
    def _verdicts(self) -> Sequence[Verdict]:
        from harness import gate
        from harness.compared import Rules

        asked = [run for run in self.bakeoff.runs if run.method in self._asked]
        done = {self.bakeoff.finish(run).spec.name for run in asked}
        entries = [entry for entry in self.bakeoff.entries() if entry.record.spec.name in done]
        rules = Rules(margin=self.bakeoff.suite.evaluation.margin)
        found = gate.verdicts(gate.rows(entries), self._here, self.baselines, rules)
        return [verdict for verdict in found if verdict.row in self._asked]

    def _gaps(self, name: str, row: Measured) -> str:
        """The seeds of the suite that a row does not have."""
        seeds = [run.seed for run in self.bakeoff.runs if run.method == name and run.seed not in row.row.runs]
        return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}" if seeds else ""

    @property
    def _here(self) -> Fingerprint:
        return Fingerprint.of(self.bakeoff.environment)
