"""How much each example adds to a value that is computed over all examples together, such as BLEU.

Intervals, ranks and tests work with one score per example whose mean is the value that is shown. For a value over all
examples together, that score is the example's pseudo-value: n times the value, minus n − 1 times the value without
the example. All of them are shifted so that their mean is exactly the value. Their variance over the number of
examples estimates the variance of the value. For a mean, the pseudo-value is the example's own score.

Pseudo-values: J. W. Tukey, Bias and confidence in not-quite large samples, Ann. Math. Statist. 29 (1958); R. G. Miller,
The jackknife – a review, Biometrika 61 (1974).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .scoring import Array

Value = Callable[[Array, int], Array]  # of sums of statistics and a number of examples, of shape (metrics,)


def pseudo_values(statistics: Array, counted: NDArray[np.bool_], value: Value) -> tuple[Array, Array]:
    """The values, of shape (metrics,), and each example's pseudo-values, of shape (examples, metrics).

    ``statistics`` has the shape (examples, statistics). Examples that are not ``counted`` add nothing to the values;
    they get what they would add as one more example.
    """
    sums, count = statistics[counted].sum(axis=0), int(counted.sum())
    whole = value(sums, count)
    found = np.stack([_added(whole, sums, count, *each, value) for each in zip(statistics, counted, strict=True)])
    return whole, found + (whole - found[counted].mean(axis=0))


def _added(whole: Array, sums: Array, count: int, row: Array, inside: bool, value: Value) -> Array:
    if not inside:
        return (count + 1) * value(sums + row, count + 1) - count * whole
    return count * whole - (count - 1) * value(sums - row, count - 1) if count > 1 else whole
