"""How far a probe's scores fell, by simple arithmetic that is independent of the gate's own test.

A gate that reports nothing is right if the examples are too few to show the loss, and broken if the loss is clear.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...spec.metric import Metric
from ...spec.record import Prediction, Record

# Any test must detect a loss of this many standard errors if there are at least MIN_EXAMPLES examples.
CLEAR_IN_ERRORS = 5.0
MIN_EXAMPLES = 5
# The gate detects a loss of this many standard errors in four of five cases, at a level of 5% over four metrics.
DETECTED_IN_ERRORS = 3.1

Answered = tuple[Record, Sequence[Prediction]]


@dataclass(frozen=True)
class Drop:
    """By how many points each example improved; ``own`` is how many of the examples are the suite's own.

    ``noise`` is the variance that chance in training adds to the mean.
    """

    metric: Metric
    differences: NDArray[np.float64]
    own: int
    margin: float
    noise: float = 0.0

    @property
    def mean(self) -> float:
        """The change of the score, in points."""
        return float(self.differences.mean())

    @property
    def clear(self) -> bool:
        """Whether the loss is so large that the gate must detect it."""
        enough = len(self.differences) >= MIN_EXAMPLES
        return (
            enough and self.mean <= -self.margin and self.mean <= -CLEAR_IN_ERRORS * self._error(len(self.differences))
        )

    @property
    def unseen(self) -> str:
        """Why the loss is not clear, and what would show it."""
        lost = f"{self.metric.worded(f'{-self.mean:.2f}')} of {self.metric.title}"
        if self.mean > -self.margin:
            return f"the loss of {lost} is within the suite's margin of {self.margin:g}, so the gate need not detect it"
        return f"{_examples(len(self.differences))} cannot show the loss of {lost}; {self._remedy}"

    @property
    def smallest(self) -> str:
        """The smallest loss of this kind that the gate detects, here and on the suite's own examples."""
        count = len(self.differences)
        here = f"{self._visible(count)} of {self.metric.title} on these {_examples(count)}"
        own = f", and {self._visible(self.own)} on the suite's own {self.own:,}"
        return here if self.own == count else f"{here}{own}"

    @property
    def _remedy(self) -> str:
        room = (self.mean / DETECTED_IN_ERRORS) ** 2 - self.noise
        if room <= 0:
            noisy = "training produced different weights, and with this much training noise"
            return f"{noisy}, no number of examples would show it"
        return f"about {math.ceil(self._spread / room):,} would show it"

    @property
    def _spread(self) -> float:
        """The variance of the change per example; infinite for a single example."""
        return float(self.differences.var(ddof=1)) if len(self.differences) > 1 else math.inf

    def _visible(self, examples: int) -> str:
        return f"about {self.metric.worded(f'{DETECTED_IN_ERRORS * self._error(examples):.1f}')}"

    def _error(self, examples: int) -> float:
        """The standard error of a mean over this many examples."""
        return math.sqrt(self._spread / examples + self.noise)


def between(honest: Answered, probe: Answered, own_rows: int | None, margin: float) -> Drop | None:
    """The drop from one run to another of the same examples; ``None`` if either has no scores.

    ``own_rows`` is the number of test rows that the suite itself uses, ``None`` for all.
    """
    from ...ranking.paired import ASSUMED_SCATTER  # imported here: scipy must not delay listing the items

    (then, before), (now, after) = honest, probe
    metric = then.metrics[0]
    pairs = [(one, other) for one, other in zip(before, after, strict=False) if one.scored]
    if not pairs or len(before) != len(after):
        return None
    factor = metric.factor_at(float(np.mean([one.scores[metric.id] for one, _ in pairs])))
    left = then.outputs.weights_hash
    same = left is not None and left == now.outputs.weights_hash
    return Drop(
        metric=metric,
        differences=np.array([factor * (other.scores[metric.id] - one.scores[metric.id]) for one, other in pairs]),
        own=sum(own_rows is None or one.rows[0] < own_rows for one, _ in pairs),
        margin=margin,
        noise=0.0 if same else 2 * ASSUMED_SCATTER**2,
    )


def _examples(count: int) -> str:
    return f"{count:,} example{'s' * (count != 1)}"
