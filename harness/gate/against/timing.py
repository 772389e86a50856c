"""Two sides' times of one job: how far did a method's time move, and how much of that is the machine.

Runs alternate, base head head base, so that a machine that becomes slower bit by bit is as unkind to both sides. What
is judged is the median of the paired log ratios. The two runs of the same side in the same pass are an A/A control:
the same code, the same job, so that their log ratios show what the machine alone does. Their root mean square over
all methods of the job, over the square root of the number of pairs, is the standard error of a median of so many
pairs. Of a few controls it is a rough estimate, so a bound is as many standard errors as Student's t distribution
says for so many controls. The noise floor is a third of what the machine alone goes beyond once in 740 times: with
many controls one standard error, with four of them twice as much.

The root mean square is not robust, and that is meant: with the few controls of a job a median absolute deviation is
small by chance too often, and a control that is far off is a reason to be careful.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..verdict import Outcome, Verdict

ANYWHERE = math.log(1.05)  # what is tolerated on the quietest machine
FLOORS = 3.0  # what is tolerated on any other, in noise floors
ALONE = NormalDist().cdf(-FLOORS)  # the chance that the machine alone goes beyond so many
SHOWN = math.log(1.10)  # what a method that passes is shown not to be slower by
SURE = 0.05  # the chance that one that is slower by that passes
MOST = 6  # passes, after which what is still undecided stays so
SHORTEST = {"step_seconds_median": 0.001, "train_seconds": 0.1, "generate_seconds": 0.1}  # less is the clock's


@dataclass(frozen=True)
class Pass:
    """Four runs of one method: two of each side, in the order in which they were done."""

    base: tuple[float, float]
    head: tuple[float, float]

    @property
    def ratios(self) -> list[float]:
        """The log ratio of head to base of each pair."""
        return [math.log(head / base) for base, head in zip(self.base, self.head, strict=True)]

    @property
    def controls(self) -> list[float]:
        """The log ratio of each side's second run to its first."""
        return [math.log(second / first) for first, second in (self.base, self.head)]


def noise(controls: Sequence[float], pairs: int) -> float:
    """The noise floor of the median of so many pairs, as a log ratio."""
    return _beyond(ALONE, controls, pairs) / FLOORS


def undecided(metric: str, passes: Sequence[Pass], controls: Sequence[float]) -> bool:
    """Whether head looks slower or faster, and another pass must confirm that, or more may tell it from noise."""
    if short(metric, passes) or abs(_median(passes)) <= ANYWHERE or len(passes) == MOST:
        return False
    return len(passes) == 1 or (_outcome(passes, controls) == Outcome.INCONCLUSIVE and not _hidden(passes, controls))


def short(metric: str, passes: Sequence[Pass]) -> bool:
    """Whether both sides take so little time that the clock's and the system's whims are what is seen."""
    return max(_usual(passes)) < SHORTEST[metric]


def verdict(row: str, metric: str, passes: Sequence[Pass], controls: Sequence[float]) -> Verdict:
    """One method in one time; ``controls`` are those of all methods of the job so far.

    ``regressed`` is what is slower by more than the tolerance in all pairs, and by 5% in the last pass alone, too,
    which confirms those before it, so that one pass is never enough; ``improved`` is the same the other way round.
    ``pass`` is what is no more than 5% slower, and shown not to be slower by 10%.
    """
    move = " → ".join(_seconds(value) for value in _usual(passes))
    if short(metric, passes):
        return Verdict(row, metric, Outcome.INCOMPARABLE, f"{move}: too short to be told apart")
    pairs = 2 * len(passes)
    found, floor = _percent(_median(passes)), noise(controls, pairs)
    alone = f", {_percent(_median(passes[-1:]))} in the last pass alone" if len(passes) > 1 else ""
    sure = f"tolerance {_share(_tolerance(floor))}, noise floor {_share(floor)} by {len(controls)} A/A ratios"
    detail = f"{found} ({move}, median of {pairs} pairs{alone}; {sure})"
    return Verdict(row, metric, _outcome(passes, controls), detail)


def _outcome(passes: Sequence[Pass], controls: Sequence[float]) -> Outcome:
    pairs = 2 * len(passes)
    found, confirming = _median(passes), _median(passes[-1:]) if len(passes) > 1 else 0.0
    tolerance = _tolerance(noise(controls, pairs))
    if min(found / tolerance, confirming / ANYWHERE) > 1:
        return Outcome.REGRESSED
    if max(found / tolerance, confirming / ANYWHERE) < -1:
        return Outcome.IMPROVED
    shown = found <= ANYWHERE and found + _beyond(SURE, controls, pairs) <= SHOWN
    return Outcome.PASS if shown else Outcome.INCONCLUSIVE


def _hidden(passes: Sequence[Pass], controls: Sequence[float]) -> bool:
    """Whether the move is less than half of what even all passes would tolerate, if the noise stays as it is."""
    more = [*controls] * math.ceil(MOST / len(passes))
    return abs(_median(passes)) <= FLOORS * noise(more, 2 * MOST) / 2


def _tolerance(floor: float) -> float:
    return max(ANYWHERE, FLOORS * floor)


def _beyond(chance: float, controls: Sequence[float], pairs: int) -> float:
    """What the machine alone goes beyond, in one direction, with that chance."""
    from scipy import stats  # half a second that listing the items must not wait for

    error = np.sqrt(np.mean(np.square(controls)) / pairs)
    return float(error * stats.t.isf(chance, len(controls)))


def _median(passes: Sequence[Pass]) -> float:
    """Of the log ratios of all pairs."""
    return float(np.median([ratio for one in passes for ratio in one.ratios]))


def _usual(passes: Sequence[Pass]) -> tuple[float, float]:
    """The median time of either side."""
    return float(np.median([one.base for one in passes])), float(np.median([one.head for one in passes]))


def _percent(ratio: float) -> str:
    return f"{100 * math.expm1(ratio):+.1f}%".replace("-", "−")


def _share(ratio: float) -> str:
    return _percent(ratio).removeprefix("+")


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"
