"""The cases of the gate's self-test: what is changed, the gate's verdicts, and whether they were right."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ...spec.metric import Metric
from ..verdict import Outcome, Verdict
from .drop import Drop


class Result(StrEnum):
    """The result of a case."""

    GREEN = "green"
    CAUGHT = "caught"
    UNSEEN = "not detectable here"  # by any test: too few examples, or a machine that is too noisy
    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    UNTRIED = "could not be tested"


SCORE = "score"


@dataclass(frozen=True)
class Case:
    """A probe compared with the honest one; if ``metric`` is empty, nothing may be ``regressed``, otherwise it must be.

    ``SCORE`` means the metric that determines the ranking.
    """

    probe: str
    metric: str
    what: str
    by_time: bool = False


CASES = {
    "same_times": Case("honest", "", "nothing: times of the same method (--against)", by_time=True),
    "slower": Case("slower", "step_seconds_median", "a step takes 20% longer (--against)", by_time=True),
    "same_scores": Case("honest", "", "nothing: the same method trained again (--gate)"),
    "worse": Case("worse", SCORE, "answers are cut, left out or less likely (--gate)"),
    "larger": Case("larger", "trainable_parameters", "one more trainable tensor (--gate)"),
}


def about(name: str, metric: Metric) -> Case:
    """The case of that name; if it is about a score, its metric is ``metric``."""
    case = CASES[name]
    return replace(case, metric=metric.id) if case.metric == SCORE else case


@dataclass(frozen=True)
class Tried:
    """A case with the gate's verdicts; ``drop`` says how far the scores fell, if the case is about scores."""

    case: Case
    said: Sequence[Verdict]
    drop: Drop | None = None

    @property
    def result(self) -> Result:
        """Whether the gate was right."""
        if self._untried:
            return Result.UNTRIED
        if not self.case.metric:
            green = any(one.outcome == Outcome.PASS for one in self.said) and not any(one.fails for one in self.said)
            return Result.GREEN if green else Result.FALSE_ALARM
        if any(one.fails for one in self._own):
            return Result.CAUGHT
        return Result.UNSEEN if self._unseen else Result.MISSED

    @property
    def problem(self) -> str | None:
        """Why the gate cannot be relied on here; ``None`` if it can."""
        match self.result:
            case Result.UNTRIED:
                return "\n".join(one.message for one in self._untried)
            case Result.MISSED:
                return "\n".join([f"not caught: {self.case.what}", *(one.message for one in self._own)])
            case Result.FALSE_ALARM:
                return "\n".join(["false alarm:", *(one.message for one in self.said if one.fails)])
        return None

    @property
    def unseen(self) -> str | None:
        """Why no test could detect the change; ``None`` if one could."""
        return self._unseen if self.result == Result.UNSEEN else None

    @property
    def told(self) -> str:
        """The message that matters most."""
        order = list(Outcome)
        ordered = sorted(self.said, key=lambda one: (one.metric != self.case.metric, order.index(one.outcome)))
        return self.unseen or (ordered[0].message if ordered else "")

    @property
    def _own(self) -> list[Verdict]:
        """The verdicts on the metric that must be ``regressed``."""
        return [one for one in self.said if one.metric == self.case.metric]

    @property
    def _untried(self) -> list[Verdict]:
        """The verdicts that say that nothing could be judged."""
        nothing = (Outcome.INVALID, Outcome.MISSING, Outcome.INCOMPARABLE)
        return [one for one in self.said if one.outcome in nothing and not one.metric]

    @property
    def _unseen(self) -> str | None:
        outcomes = {one.outcome for one in self._own}
        if self.case.by_time:  # noise, or steps that are too short
            undecided = outcomes and outcomes <= {Outcome.INCONCLUSIVE, Outcome.INCOMPARABLE}
            return self._own[0].message if undecided else None
        silent = outcomes and outcomes <= {Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.IMPROVED}
        return self.drop.unseen if silent and self.drop and not self.drop.clear else None


def table(tried: Iterable[Tried]) -> list[tuple[str, str, str]]:
    """What was changed, whether the gate was right, and its main message; one row per case."""
    return [(one.case.what, str(one.result), one.told) for one in tried]


def lines(tried: Collection[Tried]) -> list[str]:
    """Lines on false alarms and caught regressions, and on the smallest loss that the examples can show."""
    same = [said for one in tried if not one.case.metric for said in one.said]
    worse = [one.result for one in tried if one.case.metric]
    seen, caught = [result for result in worse if result != Result.UNSEEN], worse.count(Result.CAUGHT)
    line = f"false alarms: {sum(one.fails for one in same)} of {len(same)} verdicts; "
    line += f"caught: {caught} of {len(seen)} regressions"
    line += f"; {worse.count(Result.UNSEEN)} not detectable here" if Result.UNSEEN in worse else ""
    drops = [one.drop for one in tried if one.drop]
    return [line, *(f"the smallest detectable loss is {each.smallest}" for each in drops)]
