"""The verdict on counts: they must be equal, on any machine; an increase and a decrease are both regressions."""

from collections.abc import Mapping

from ..spec.figures import move
from .verdict import Outcome

BUDGET_COUNTS = ("examples", "steps", "tokens")  # under a budget in seconds, they depend on the machine
COUNTS = ("trainable_parameters", "total_parameters", *BUDGET_COUNTS)

Sides = tuple[int | None, int | None]  # then and now


def compare(name: str, seeds: Mapping[int, Sides], *, in_seconds: bool) -> tuple[Outcome, str]:
    """The outcome for one of ``COUNTS`` over the seeds, and its message.

    ``in_seconds`` says whether the budget is in seconds.
    """
    if in_seconds and name in BUDGET_COUNTS:
        return Outcome.INCOMPARABLE, "the budget is in seconds, so this count depends on the machine"
    moved = {seed: sides for seed, sides in seeds.items() if sides[0] != sides[1]}
    if not moved:
        return Outcome.PASS, "equal"
    if len(moved) == len(seeds) and len(set(moved.values())) == 1:
        return Outcome.REGRESSED, move(*next(iter(moved.values())))
    return Outcome.REGRESSED, ", ".join(f"seed {seed}: {move(*sides)}" for seed, sides in moved.items())
