"""Two sides' times in one job: how far a method's time moved, and how much of that is the machine's noise.

Runs alternate in the order base, head, head, base, so that a machine that slows down steadily affects both sides
equally. The verdict is based on the median of the paired log ratios. The two runs of one side in one pass are an A/A
control: same code, same job, so that their log ratio shows the machine's noise. The root mean square of all controls
of the job, divided by the square root of the number of pairs, is the standard error of the median. A few controls give
only a rough estimate, so bounds are multiples of the standard error from Student's t distribution, with the number of
controls as degrees of freedom. The noise floor is a third of the bound that noise exceeds once in 740 times: one
standard error with many controls, twice as much with four.

The root mean square is deliberately not robust: with the few controls of a job, a median absolute deviation is too
often small by chance, and an outlying control is a reason for caution.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..verdict import Outcome, Verdict

MIN_TOLERANCE = math.log(1.05)  # the least tolerance, on the quietest machine
TOLERANCE_IN_FLOORS = 3.0  # the tolerance on other machines, in noise floors
CHANCE_BEYOND_TOLERANCE = NormalDist().cdf(
    -TOLERANCE_IN_FLOORS
)  # the probability that noise alone exceeds that tolerance
MAX_HIDDEN_SLOWDOWN = math.log(1.10)  # a method that passes is shown to be less than this much slower
MAX_CHANCE_OF_PASSING = 0.05  # the probability that a method that is this much slower passes
MAX_PASSES = 6  # the maximum number of passes
MIN_SECONDS = {"step_seconds_median": 0.001, "train_seconds": 0.1, "generate_seconds": 0.1}  # below that, clock noise


@dataclass(frozen=True)
class Pass:
    """Four runs of one method: two of each side, in the order in which they were done."""

    base: tuple[float, float]
    head: tuple[float, float]

    @property
    def ratios(self) -> list[float]:
        """The log ratio of head to base for each pair."""
        return [math.log(head / base) for base, head in zip(self.base, self.head, strict=True)]

    @property
    def controls(self) -> list[float]:
        """The log ratio of each side's second run to its first."""
        return [math.log(second / first) for first, second in (self.base, self.head)]


def noise(controls: Sequence[float], pairs: int) -> float:
    """The noise floor of a median of this many pairs, as a log ratio."""
    return _beyond(CHANCE_BEYOND_TOLERANCE, controls, pairs) / TOLERANCE_IN_FLOORS


def undecided(metric: str, passes: Sequence[Pass], controls: Sequence[float]) -> bool:
    """Whether head looks slower or faster, and another pass must confirm it or may tell it apart from noise."""
    if short(metric, passes) or abs(_median(passes)) <= MIN_TOLERANCE or len(passes) == MAX_PASSES:
        return False
    return len(passes) == 1 or (_outcome(passes, controls) == Outcome.INCONCLUSIVE and not _hidden(passes, controls))


def short(metric: str, passes: Sequence[Pass]) -> bool:
    """Whether both sides take so little time that the noise of the clock and the system dominates."""
    return max(_usual(passes)) < MIN_SECONDS[metric]


def verdict(row: str, metric: str, passes: Sequence[Pass], controls: Sequence[float]) -> Verdict:
    """The verdict on one time of one method; ``controls`` are those of all methods of the job so far.

    ``regressed``: slower by more than the tolerance over all pairs, and by more than 5% in the last pass alone, which
    must confirm those before it, so that one pass is never enough. ``improved``: the same, but faster. ``pass``: no
    more than 5% slower, and shown to be less than 10% slower.
    """
    move = " → ".join(_seconds(value) for value in _usual(passes))
    if short(metric, passes):
        return Verdict(row, metric, Outcome.INCOMPARABLE, f"{move}: too short to compare")
    pairs = 2 * len(passes)
    found, floor = _percent(_median(passes)), noise(controls, pairs)
    alone = f", {_percent(_median(passes[-1:]))} in the last pass alone" if len(passes) > 1 else ""
    sure = f"tolerance {_share(_tolerance(floor))}, noise floor {_share(floor)} from {len(controls)} A/A ratios"
    detail = f"{found} ({move}, median of {pairs} pairs{alone}; {sure})"
    return Verdict(row, metric, _outcome(passes, controls), detail)


def _outcome(passes: Sequence[Pass], controls: Sequence[float]) -> Outcome:
    pairs = 2 * len(passes)
    found, confirming = _median(passes), _median(passes[-1:]) if len(passes) > 1 else 0.0
    tolerance = _tolerance(noise(controls, pairs))
    if min(found / tolerance, confirming / MIN_TOLERANCE) > 1:
        return Outcome.REGRESSED
    if max(found / tolerance, confirming / MIN_TOLERANCE) < -1:
        return Outcome.IMPROVED
    shown = found <= MIN_TOLERANCE and found + _beyond(MAX_CHANCE_OF_PASSING, controls, pairs) <= MAX_HIDDEN_SLOWDOWN
    return Outcome.PASS if shown else Outcome.INCONCLUSIVE


def _hidden(passes: Sequence[Pass], controls: Sequence[float]) -> bool:
    """Whether the change is less than half of the tolerance after all passes, if the noise stays as it is."""
    more = [*controls] * math.ceil(MAX_PASSES / len(passes))
    return abs(_median(passes)) <= TOLERANCE_IN_FLOORS * noise(more, 2 * MAX_PASSES) / 2


def _tolerance(floor: float) -> float:
    return max(MIN_TOLERANCE, TOLERANCE_IN_FLOORS * floor)


def _beyond(chance: float, controls: Sequence[float], pairs: int) -> float:
    """The bound that noise alone exceeds, in one direction, with this probability."""
    from scipy import stats  # imported here: its 0.5 seconds must not delay listing the items

    error = np.sqrt(np.mean(np.square(controls)) / pairs)
    return float(error * stats.t.isf(chance, len(controls)))


def _median(passes: Sequence[Pass]) -> float:
    """The median of the log ratios of all pairs."""
    return float(np.median([ratio for one in passes for ratio in one.ratios]))


def _usual(passes: Sequence[Pass]) -> tuple[float, float]:
    """The median time of each side."""
    return float(np.median([one.base for one in passes])), float(np.median([one.head for one in passes]))


def _percent(ratio: float) -> str:
    return f"{100 * math.expm1(ratio):+.1f}%".replace("-", "−")


def _share(ratio: float) -> str:
    return _percent(ratio).removeprefix("+")


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"
