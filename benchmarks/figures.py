"""Timing a function and printing figures."""

from collections.abc import Callable, Sequence
from time import perf_counter

from tabulate import tabulate


def clocked(work: Callable[[], object], finish: Callable[[], object] | None = None) -> float:
    """The seconds that a call takes; ``finish`` waits for its remaining work on a device."""
    began = perf_counter()
    work()
    if finish:
        finish()
    return perf_counter() - began


def show(title: str, figures: Sequence[tuple[str, str]]) -> None:
    """Print figures, one per line."""
    print(f"\n{title}\n{tabulate(figures, tablefmt='plain', colalign=('left', 'right'), disable_numparse=True)}")
