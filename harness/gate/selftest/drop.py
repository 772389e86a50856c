"""How far a probe's scores fell, by plain arithmetic that has no part in the gate's own test.

A gate that is silent is right where so few examples show nothing, and broken where the loss is plain to see.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...spec.metric import Metric
from ...spec.record import Prediction, Record

CLEAR = 5.0  # standard errors that any test sees, from so many examples on:
FEWEST = 5
SEEN = 3.1  # standard errors that the gate sees in four of five cases, at 5% for four metrics together

Answered = tuple[Record, Sequence[Prediction]]


@dataclass(frozen=True)
class Drop:
    """By how many points each example changed for the better; ``own`` is how many of the examples are the suite's own.

    ``noise`` is the variance that chance in training adds to their mean.
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
        """Whether it is a loss that the gate must not pass over."""
        enough = len(self.differences) >= FEWEST
        return enough and self.mean <= -self.margin and self.mean <= -CLEAR * self._error(len(self.differences))

    @property
    def unseen(self) -> str:
        """Why it is not clear, and what would make it so."""
        lost = f"{-self.mean:.2f} {self.metric.unit} of {self.metric.title}"
        if self.mean > -self.margin:
            return f"what is lost, {lost}, is within the suite's margin of {self.margin:g}, so there is nothing to see"
        return f"too few to see what is lost, {lost}, on {_examples(len(self.differences))}; {self._remedy}"

    @property
    def smallest(self) -> str:
        """From which loss on the gate sees one of this kind, here and on the suite's own examples."""
        here = f"{self._visible(len(self.differences))} {self.metric.unit} of {self.metric.title} on these "
        here += _examples(len(self.differences))
        own = self.own != len(self.differences)
        return (
            f"{here}, and {self._visible(self.own)} {self.metric.unit} on the suite's own {self.own:,}" if own else here
        )

    @property
    def _remedy(self) -> str:
        room = (self.mean / SEEN) ** 2 - self.noise
        if room <= 0:
            return "training gave other weights, whose noise hides it from any number of examples"
        return f"about {math.ceil(self._spread / room):,} would show it"

    @property
    def _spread(self) -> float:
        """The variance of an example's change; unknown from one alone."""
        return float(self.differences.var(ddof=1)) if len(self.differences) > 1 else math.inf

    def _visible(self, examples: int) -> str:
        return f"about {SEEN * self._error(examples):.1f}"

    def _error(self, examples: int) -> float:
        """The standard error of the mean over so many examples."""
        return math.sqrt(self._spread / examples + self.noise)


def between(honest: Answered, probe: Answered, own_rows: int | None, margin: float) -> Drop | None:
    """The drop from one run to another of the same examples; ``None`` where either has no scores.

    ``own_rows`` are the rows of the test split that the suite itself asks, ``None`` for all.
    """
    from ...ranking.paired import ASSUMED_SCATTER  # scipy, which listing the items must not wait for

    (then, before), (now, after) = honest, probe
    metric = then.metrics[0]
    pairs = [(one, other) for one, other in zip(before, after, strict=False) if one.scored]
    if not pairs or len(before) != len(after):
        return None
    left = then.outputs.weights_hash
    same = left is not None and left == now.outputs.weights_hash
    return Drop(
        metric=metric,
        differences=np.array([metric.gain(other.scores[metric.id], one.scores[metric.id]) for one, other in pairs]),
        own=sum(own_rows is None or one.rows[0] < own_rows for one, _ in pairs),
        margin=margin,
        noise=0.0 if same else 2 * ASSUMED_SCATTER**2,
    )


def _examples(count: int) -> str:
    return f"{count:,} example{'s' * (count != 1)}"
