"""What is said about the memory that methods need: a table, and a sentence about a method that does not fit."""

from collections.abc import Mapping

from tabulate import tabulate

from ..spec.footprint import Footprint
from .readable import readable

TITLES = ("method", "weights", "gradients", "optimiser", "activations", "peak", "fits")


def table(found: Mapping[str, Footprint], seen: Mapping[str, int | None], runs: int = 1) -> str:
    """What each method needs, if its model sees so many rows at once and so many runs share the device."""
    rows = [_row(method, each, seen[method], runs) for method, each in found.items()]
    return tabulate(rows, TITLES, colalign=("left", *["right"] * 5, "left"), disable_numparse=True)


def remark(method: str, found: Footprint, rows: int | None, runs: int, device: str) -> str | None:
    """That a method does not fit, and what would; ``None`` if it fits, or if nothing is known."""
    if not found.known or found.fits(rows, runs):
        return None
    if found.reason:
        return f"{method} does not fit: {found.reason}"
    more = "more than" if found.exhausted else "about"
    several = f" in each of {runs} runs at a time" if runs > 1 else ""
    has = "this GPU has" if device == "cuda" else "this machine has"
    return (
        f"{method} needs {more} {readable(max(found.needed(rows), 1), 'bytes')}{several}, "
        f"{has} {readable(found.room, 'bytes')}; {_remedy(found, runs)}"
    )


def _remedy(found: Footprint, runs: int) -> str:
    largest = found.largest(runs)
    if largest is not None:
        return f"micro_batch_size = {largest} fits"
    return "no micro_batch_size would make it fit; gradient_checkpointing, shorter texts or a smaller base model may"


def _row(method: str, found: Footprint, rows: int | None, runs: int) -> tuple[str, ...]:
    if not found.known:
        return method, *["–"] * 5, found.reason or ""
    parts = (found.weights, found.gradients, found.optimizer, found.activations(rows), found.needed(rows))
    return method, *(readable(part, "bytes") for part in parts), _verdict(found, rows, runs)


def _verdict(found: Footprint, rows: int | None, runs: int) -> str:
    if not found.fits(rows, runs):
        return f"no: {found.reason or _remedy(found, runs)}"
    seen = rows or found.batch_size
    return "yes" if seen >= found.batch_size else f"yes, with micro_batch_size = {seen}"
