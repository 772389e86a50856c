"""Which trials of a learning-rate search are better than the method's own rate: the gate's paired test, row by row.

A search has one seed, so the test counts the noise of training as the gate does for one seed: without it, the best
of several equal rates would often look better than the method's own.
"""

from collections.abc import Sequence

from ..spec.metric import Metric
from .paired import Scores, compare, holm


def p_values(trials: Sequence[Scores | None], metric: Metric) -> list[float | None]:
    """For each trial, the p-value of the claim that its rate is better than that of the first trial.

    A trial has scores of shape (examples,), or ``None`` if it does not count. The values are corrected for the number
    of trials (Holm). ``None`` for the first trial, for a trial that does not count, and if the first does not count.
    """
    own = trials[0]
    if own is None:
        return [None] * len(trials)
    tried = {number: scores for number, scores in enumerate(trials) if number and scores is not None}
    factor = metric.factor_at(float(own.mean()))
    raw = [compare(scores[None], own[None], factor=factor).above() for scores in tried.values()]
    corrected = dict(zip(tried, holm(raw), strict=True))
    return [corrected.get(number) for number in range(len(trials))]
