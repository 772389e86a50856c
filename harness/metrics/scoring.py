"""What a file in this room keeps to: it declares its metrics, and scores texts against references by them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

from ..spec.metric import Metric

Scores = dict[str, float]  # by metric id


@dataclass(frozen=True)
class Settled:
    """Metrics whose options follow from a data set; ``unusual`` are those that are not as usual."""

    metrics: tuple[Metric, ...]
    unusual: Mapping[str, str]
    notices: tuple[str, ...] = ()  # what the person should know about them


class Scorer(ABC):
    """One library's metrics, or several that are found together."""

    title: ClassVar[str]  # of all of them together, in messages
    metrics: ClassVar[tuple[Metric, ...]]  # with their usual options

    @abstractmethod
    def scores(self, texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[tuple[Scores, Scores]]:
        """For each text its mean scores over its references, and those against the closest one.

        ``references[i]`` holds the references of row ``i``, one at least.
        """

    def settled(self, asked: Mapping[str, str], references: Iterable[str]) -> Settled:
        """The metrics with the options that a suite asks for, or that all references of a data set call for."""
        return Settled(self.metrics, {})

    def reading(self, options: Mapping[str, str]) -> AbstractContextManager[None]:
        """Score with these options meanwhile."""
        return nullcontext()

    def words(self, text: str, options: Mapping[str, str]) -> list[str]:
        """The words of a text, for counting how long answers are."""
        return text.split()

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether the metrics see what a reference says; one that they do not see could only be called missed."""
        return True

    def remedy(self, unread: Sequence[str], options: Mapping[str, str]) -> str:
        """What else to do about references that are not seen; empty where there is nothing."""
        return ""
