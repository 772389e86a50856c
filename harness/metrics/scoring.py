"""The contract of a metric's file: it declares its metrics, and turns answers and references into numbers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..spec.metric import Metric, options_of
from . import scripts

Array = NDArray[np.float64]
Scores = dict[str, float]  # by metric id

_options: ContextVar[Mapping[str, str]] = ContextVar("options", default=MappingProxyType({}))


@dataclass(frozen=True)
class Settled:
    """Metrics with the options for a data set; ``unusual`` has the options that differ from the usual ones."""

    metrics: tuple[Metric, ...]
    unusual: Mapping[str, str]
    notices: tuple[str, ...] = ()  # what the user should know about them


@contextmanager
def reading(options: Mapping[str, str]) -> Iterator[None]:
    """Let metrics score with these options inside the context."""
    token = _options.set(options)
    try:
        yield
    finally:
        _options.reset(token)


def option(name: str, usual: str) -> str:
    """The value of an option inside the innermost such context; the usual one if it is not set there."""
    return _options.get().get(name, usual)


class Scorer(ABC):
    """One metric, or several that are computed together.

    ``statistics`` is all that a metric needs whose value is a mean over the examples. A metric that is about all
    examples together has ``corpus=True`` in its description, and ``value`` puts sums of statistics together.
    """

    title: ClassVar[str] = ""  # of all its metrics, for messages; empty: the first one's
    metrics: ClassVar[tuple[Metric, ...]]  # with their usual options; all need the same
    options: ClassVar[Mapping[str, Sequence[str]]] = {}  # keys of [evaluation], with their values, the usual one first

    @abstractmethod
    def statistics(self, answers: Sequence[Any], references: Sequence[Sequence[str]]) -> Any:
        """One row of numbers for each answer; a single number counts as a row.

        ``answers`` are texts or, for a metric that needs likelihoods, ``Likelihood``s of all of an example's
        references together, each as whole as a model learns to write it. ``references[i]`` has the references of
        example ``i``, at least one. Without ``value``, a row has one number for each metric, in the metric's range.
        """

    def value(self, sums: Array, count: int) -> Any:
        """The metrics' values over ``count`` examples whose statistics have these sums; by default, the means.

        One number for each metric; a single metric may return the number alone. Called for all examples, and again
        without each of them.
        """
        return sums / count

    def measured(self, answers: Sequence[Any], references: Sequence[Sequence[str]]) -> tuple[Any, Sequence[Scores]]:
        """The statistics, and each example's scores against its closest reference, if the metric tells them apart."""
        return self.statistics(answers, references), [{} for _ in answers]

    def fits(self, labels: Sequence[str]) -> str | None:
        """Why the metrics are not for a task with these labels, or with free text if there are none; else ``None``."""
        return None

    def settled(self, asked: Mapping[str, str], references: Iterable[str]) -> Settled:
        """The metrics with the options that the suite sets, or else those that suit the data set's references."""
        chosen = {name: asked.get(name, usual) for name, (usual, *_) in self.options.items()}
        unusual = {name: value for name, value in chosen.items() if value != self.options[name][0]}
        metrics = (one.model_copy(update={"options": {**one.options, **chosen}}) for one in self.metrics)
        return Settled(tuple(metrics), {**options_of(self.metrics), **unusual})

    def reading(self, options: Mapping[str, str]) -> AbstractContextManager[None]:
        """Score with these options inside the context."""
        return reading(options)

    def option(self, name: str) -> str:
        """The value of one of its options with which it scores: the usual one, outside of ``reading``."""
        return option(name, self.options[name][0])

    def words(self, text: str, options: Mapping[str, str]) -> list[str]:
        """The words of a text, for measuring the length of answers; characters in scripts without spaces."""
        return scripts.words(text)

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether the metrics can read a reference; no answer could match one that they cannot read."""
        return True

    def remedy(self, unread: Sequence[str], options: Mapping[str, str]) -> str:
        """What else to do about unreadable references, to append to a message; may be empty."""
        return ""
