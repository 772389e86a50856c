"""The Pareto front: the methods that no other method dominates in score and cost."""

from collections.abc import Mapping
from dataclasses import dataclass

FRONT_COSTS = ("trainable_parameters", "train_seconds")
COSTS_OF_TRAINING = ("train_seconds", "search_seconds")  # that a method which trains nothing does not have


@dataclass(frozen=True)
class Offer:
    """A method's cost, which is known, and its score, where higher is better."""

    cost: float
    score: float

    @property
    def place(self) -> tuple[float, float]:
        """Its place among offers from the cheapest to the most expensive; of equal costs, the best comes first."""
        return self.cost, -self.score


def front(offers: Mapping[str, Offer]) -> set[str]:
    """The methods on the front: each is better than all cheaper ones, or equals one that is."""
    found: set[str] = set()
    last: Offer | None = None  # on the front so far, and so the best
    for name, offer in sorted(offers.items(), key=lambda item: item[1].place):
        if last is None or offer.score > last.score or offer.place == last.place:
            found.add(name)
            last = offer
    return found
