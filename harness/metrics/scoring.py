"""The contract of a metric file: it declares its metrics and scores texts against references."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

from ..spec.metric import Metric

Scores = dict[str, float]  # by metric id


@dataclass(frozen=True)
class Settled:
    """Metrics with the options for a data set; ``unusual`` has the options that differ from the usual ones."""

    metrics: tuple[Metric, ...]
    unusual: Mapping[str, str]
    notices: tuple[str, ...] = ()  # what the user should know about them


class Scorer(ABC):
    """One metric, or several that are computed together."""

    title: ClassVar[str]  # of all its metrics, for messages
    metrics: ClassVar[tuple[Metric, ...]]  # with their usual options

    @abstractmethod
    def scores(self, texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[tuple[Scores, Scores]]:
        """For each text its mean scores over its references, and those against the closest one.

        ``references[i]`` has the references of row ``i``, at least one.
        """

    def settled(self, asked: Mapping[str, str], references: Iterable[str]) -> Settled:
        """The metrics with the options that the suite sets, or else those that suit the data set's references."""
        return Settled(self.metrics, {})

    def reading(self, options: Mapping[str, str]) -> AbstractContextManager[None]:
        """Score with these options inside the context."""
        return nullcontext()

    def words(self, text: str, options: Mapping[str, str]) -> list[str]:
        """The words of a text, for measuring the length of answers."""
        return text.split()

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether the metrics can read a reference; no answer could match one that they cannot read."""
        return True

    def remedy(self, unread: Sequence[str], options: Mapping[str, str]) -> str:
        """What else to do about unreadable references, to append to a message; may be empty."""
        return ""
