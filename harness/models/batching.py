"""Rows of similar length in a batch together, so that little of what a model computes is padding."""

from collections.abc import Callable, Iterable

Length = Callable[[int], int]  # of a row, by its number
Fits = Callable[[int, int], bool]  # whether a batch that begins with this row may have so many rows


def by_length(rows: Iterable[int], length: Length, fits: Fits) -> list[list[int]]:
    """The rows in batches from the least ``length`` to the greatest, as many in each as ``fits`` allows, one at least.

    Rows of equal length stay in the order in which they are given.
    """
    batches: list[list[int]] = []
    for row in sorted(rows, key=length):
        if batches and fits(batches[-1][0], len(batches[-1]) + 1):
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def of_size(size: int) -> Fits:
    """At most so many rows in each batch."""
    return lambda _, count: count <= size
