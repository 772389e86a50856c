"""The Pareto front: the methods that no other one dominates in score without costing more."""

from collections.abc import Mapping
from dataclasses import dataclass

FRONT_COSTS = ("trainable_parameters", "train_seconds")


@dataclass(frozen=True)
class Offer:
    """What a method costs and what it reaches, more of which is better.

    A method that spends nothing of a cost has no figure for it.
    """

    cost: float | None
    score: float

    def dominates(self, other: "Offer") -> bool:
        """Whether it is no worse in either and better in one."""
        mine, theirs = (self.cost or 0.0, -self.score), (other.cost or 0.0, -other.score)
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def front(offers: Mapping[str, Offer]) -> set[str]:
    """The methods on the front."""
    return {name for name, offer in offers.items() if not any(other.dominates(offer) for other in offers.values())}
