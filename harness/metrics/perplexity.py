"""Perplexity of the references: how many tokens, on average, the trained model hesitates between at each of theirs.

It depends on the tokenizer, so that only methods on the same base model can be compared. The likelihoods
come from the method (``Method.likelihoods``).
"""

import math
from collections.abc import Sequence
from typing import ClassVar

from ..spec.errors import Diverged
from ..spec.metric import Direction, Likelihood, Metric, Needs
from .scoring import Array, Scorer


class Perplexity(Scorer):
    """Perplexity over the tokens of all references, their end tokens included."""

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            id="perplexity",
            title="perplexity",
            better=Direction.LOWER,
            low=1.0,
            high=None,
            unit="perplexity",
            scale=1.0,
            digits=2,
            corpus=True,
            needs=Needs.LIKELIHOODS,
            legend="perplexity of the references",
        ),
    )

    def statistics(self, answers: Sequence[Likelihood], references: Sequence[Sequence[str]]) -> Sequence[Likelihood]:
        """Nats and tokens."""
        return answers

    def value(self, sums: Array, count: int) -> float:
        """e to the power of the nats a token. Raises ``Diverged`` if that is no number."""
        nats, tokens = sums.tolist()
        try:
            return math.exp(nats / tokens)
        except OverflowError as error:
            raise Diverged("the perplexity of the references is infinite") from error
