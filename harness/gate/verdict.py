"""The gate's verdicts, one per row and metric, and their summary in one line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import TypeAdapter


class Outcome(StrEnum):
    """How a row or a metric compares with the baseline; the worst outcome first."""

    INVALID = "invalid"  # a run that is not ok, or scores that are not numbers
    MISSING = "missing"  # in the baseline, but not here
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"  # neither shown to be worse nor shown to be as good
    INCOMPARABLE = "incomparable"  # the baseline's figure is for something else
    NEW = "new"  # not in the baseline
    IMPROVED = "improved"
    PASS = "pass"


FAILING = (Outcome.INVALID, Outcome.MISSING, Outcome.REGRESSED)
COMPARED = (Outcome.REGRESSED, Outcome.INCONCLUSIVE, Outcome.IMPROVED, Outcome.PASS)
VERDICTS = "verdicts"  # the property of a pytest item that holds its verdicts as JSON
OUTCOME_LABELS = {Outcome.PASS: "passed"}
MAX_NAMED_ROWS = 5  # rows named in one remark; further rows are only counted
ALWAYS_COUNTED = (Outcome.PASS, Outcome.REGRESSED, Outcome.INCONCLUSIVE, Outcome.INCOMPARABLE, Outcome.MISSING)


@dataclass(frozen=True)
class Verdict:
    """The verdict on one row for one metric; an empty ``metric`` means the whole row.

    Verdicts that are ``advisory`` never fail.
    """

    row: str
    metric: str
    outcome: Outcome
    detail: str
    advisory: bool = False

    @property
    def fails(self) -> bool:
        """Whether this verdict makes the gate fail."""
        return self.outcome in FAILING and not self.advisory

    @property
    def message(self) -> str:
        """One line: ``lora chrf: regressed: −0.71 points (…)``."""
        return f"{' '.join(filter(None, (self.row, self.metric)))}: {self.said}"

    @property
    def said(self) -> str:
        """The message without the row and the metric."""
        outcome = f"{self.outcome} (advisory)" if self.advisory else self.outcome
        return f"{outcome}: {self.detail}"


_ADAPTER = TypeAdapter(list[Verdict])


@dataclass(frozen=True)
class Summary:
    """A session's verdicts by row, each row by its worst; ``left_out`` rows were not selected and do not count."""

    rows: Mapping[str, Outcome]
    compared: int  # rows with at least one metric that was compared with the baseline
    left_out: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether the gate fails: some row fails, or nothing at all was compared."""
        return not self.compared or any(outcome in FAILING for outcome in self.rows.values())

    @property
    def line(self) -> str:
        """The summary for the terminal: ``5 rows expected, 5 compared: 4 passed, 1 regressed, …``."""
        counts = {outcome: list(self.rows.values()).count(outcome) for outcome in reversed(Outcome)}
        shown = [(outcome, count) for outcome, count in counts.items() if count or outcome in ALWAYS_COUNTED]
        line = f"{len(self.rows)} row{'s' * (len(self.rows) != 1)} expected, {self.compared} compared: "
        line += ", ".join(f"{count} {OUTCOME_LABELS.get(outcome, outcome)}" for outcome, count in shown)
        line += f"; not selected, not compared: {', '.join(self.left_out)}" if self.left_out else ""
        return line if self.compared else f"{line}; nothing was compared, so the session fails"


def to_json(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as a JSON array, as in the property ``verdicts`` of pytest's items."""
    return _ADAPTER.dump_json(list(verdicts)).decode()


def from_json(text: str) -> list[Verdict]:
    """The verdicts that ``to_json`` wrote."""
    return _ADAPTER.validate_json(text)


def remarks(verdicts: Sequence[Verdict]) -> list[str]:
    """Lines on verdicts that neither fail nor pass, one per row and outcome; rows with the same remark share a line.

    Failures are reported by their items.
    """
    groups: dict[tuple[str, Outcome, bool], list[Verdict]] = {}
    for one in verdicts:
        if one.outcome != Outcome.PASS and not one.fails:
            advisory = one.advisory and one.outcome != Outcome.INCOMPARABLE  # which never fails
            groups.setdefault((one.row, one.outcome, advisory), []).append(replace(one, advisory=advisory))
    alike: dict[Verdict, list[str]] = {}
    for group in groups.values():
        alike.setdefault(replace(_together(group), row=""), []).append(group[0].row)
    total = len({one.row for one in verdicts})
    return [_remark(one, rows, total) for one, rows in alike.items()]


def _together(group: Sequence[Verdict]) -> Verdict:
    """One verdict for all of a row's metrics: those that share the first one's reason, then the names of the others."""
    first = group[0]
    alike = [one.metric for one in group if one.detail == first.detail]
    others = [one.metric for one in group if one.detail != first.detail]
    also = f"; also {first.outcome}: {', '.join(others)}" if others else ""
    return replace(first, metric=", ".join(alike), detail=first.detail + also)


def _remark(one: Verdict, rows: Sequence[str], total: int) -> str:
    if len(rows) == 1:
        return replace(one, row=rows[0]).message
    several = f"all {total} rows" if len(rows) == total else ", ".join(rows[:MAX_NAMED_ROWS])
    several += f" and {len(rows) - MAX_NAMED_ROWS} more" if MAX_NAMED_ROWS < len(rows) < total else ""
    return ": ".join(filter(None, (several, one.metric, one.said)))


def summary(verdicts: Sequence[Verdict], left_out: Sequence[str] = ()) -> Summary:
    """Summarise a session's verdicts by row; advisory verdicts do not count."""
    order = list(Outcome)
    rows: dict[str, Outcome] = {}
    for one in verdicts:
        if not one.advisory:
            rows[one.row] = min(rows.get(one.row, Outcome.PASS), one.outcome, key=order.index)
    compared = {one.row for one in verdicts if one.outcome in COMPARED and not one.advisory}
    return Summary(rows, len(compared), tuple(left_out))
