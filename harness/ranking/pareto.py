"""The Pareto front: the methods that no other method dominates in score and cost."""

from collections.abc import Mapping
from dataclasses import dataclass

FRONT_COSTS = ("trainable_parameters", "train_seconds")


@dataclass(frozen=True)
class Offer:
    """A method's cost and its score, where higher is better. A method without such a cost has ``None``."""

    cost: float | None
    score: float

    def dominates(self, other: "Offer") -> bool:
        """Whether it is no worse in both and better in at least one."""
        mine, theirs = (self.cost or 0.0, -self.score), (other.cost or 0.0, -other.score)
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def front(offers: Mapping[str, Offer]) -> set[str]:
    """The methods on the front."""
    return {name for name, offer in offers.items() if not any(other.dominates(offer) for other in offers.values())}
