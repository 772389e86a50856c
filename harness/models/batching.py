"""Puts rows of similar length into a batch, so that a model computes little padding."""

from collections.abc import Callable, Iterable

Length = Callable[[int], int]  # of a row, by its number
Fits = Callable[[int, int], bool]  # whether a batch that begins with this row may have that many rows


def by_length(rows: Iterable[int], length: Length, fits: Fits) -> list[list[int]]:
    """The rows in batches, shortest first, with as many rows in each as ``fits`` allows, but at least one.

    Rows of equal length keep their order.
    """
    batches: list[list[int]] = []
    for row in sorted(rows, key=length):
        if batches and fits(batches[-1][0], len(batches[-1]) + 1):
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def of_size(size: int) -> Fits:
    """At most ``size`` rows in each batch."""
    return lambda _, count: count <= size
