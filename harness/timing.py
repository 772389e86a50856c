"""Two sides' times of one job: how far did a method's time move, and how much of that is the machine.

Runs alternate, base head head base, so that a machine that becomes slower bit by bit is as unkind to both sides. What
is judged is the median of the paired log ratios. The two runs of the same side in the same pass are an A/A control:
the same code, the same job, so that their log ratios show what the machine alone does. Their root mean square over
all methods of the job, over the square root of the number of pairs, is the noise floor of a median of so many pairs.
The root mean square is not robust, and that is meant: with the few controls of a job a median absolute deviation is
small by chance too often, and a control that is far off is a reason to be careful.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.verdict import Outcome, Verdict

ANYWHERE = math.log(1.05)  # what is tolerated on the quietest machine
FLOORS = 3.0  # what is tolerated on any other, in noise floors
SHOWN = 2.0  # noise floors between what was seen and what is shown to be within the tolerance of a quiet machine
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
    return float(np.sqrt(np.mean(np.square(controls)) / pairs))


def moved(metric: str, passes: Sequence[Pass]) -> bool:
    """Whether head looks slower or faster, so that another pass must confirm it before that is said."""
    return abs(_median(passes)) > ANYWHERE and not short(metric, passes)


def short(metric: str, passes: Sequence[Pass]) -> bool:
    """Whether both sides take so little time that the clock's and the system's whims are what is seen."""
    return max(_usual(passes)) < SHORTEST[metric]


def verdict(row: str, metric: str, passes: Sequence[Pass], controls: Sequence[float]) -> Verdict:
    """One method in one time; ``controls`` are those of all methods of the job so far.

    ``regressed`` is what is slower by more than the tolerance in all pairs, and slower in the confirming pass alone,
    too; ``improved`` is the same the other way round. ``pass`` is what is shown not to be slower by 5%.
    """
    move = " → ".join(_seconds(value) for value in _usual(passes))
    if short(metric, passes):
        return Verdict(row, metric, Outcome.INCOMPARABLE, f"{move}: too short to be told apart")
    pairs = 2 * len(passes)
    found, last, floor = _median(passes), _median(passes[-1:]), noise(controls, pairs)
    tolerance = max(ANYWHERE, FLOORS * floor)
    moved = _outcome(found, tolerance, last if len(passes) > 1 else 0.0)
    as_fast = found + SHOWN * floor <= ANYWHERE
    outcome = moved or (Outcome.PASS if as_fast else Outcome.INCONCLUSIVE)
    alone = f", {_percent(last)} in the confirming pass alone" if len(passes) > 1 else ""
    sure = f"tolerance {_share(tolerance)}, noise floor {_share(floor)} by {len(controls)} A/A ratios"
    return Verdict(row, metric, outcome, f"{_percent(found)} ({move}, median of {pairs} pairs{alone}; {sure})")


def _outcome(found: float, tolerance: float, confirming: float) -> Outcome | None:
    """What the times show beyond the machine's noise, if they do."""
    if min(found / tolerance, confirming / ANYWHERE) > 1:
        return Outcome.REGRESSED
    if max(found / tolerance, confirming / ANYWHERE) < -1:
        return Outcome.IMPROVED
    return None


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
