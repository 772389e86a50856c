"""The metrics of a task together: scored in one go, in the order that the suite names them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from statistics import fmean
from typing import Any

import numpy as np

from ..spec.errors import SuiteError, unknown
from ..spec.metric import Likelihood, Metric, Needs
from ..spec.names import METRIC_CONTRACT
from . import checked
from .jackknife import pseudo_values
from .scoring import Scorer, Scores, Settled


@dataclass(frozen=True)
class Scored:
    """The values over all examples that count, and each example's scores, whose mean they are.

    ``closest`` has an example's scores against its closest reference, for metrics that tell them apart.
    """

    values: Scores
    examples: Sequence[Scores]
    closest: Sequence[Scores]


@dataclass(frozen=True)
class Scoring:
    """The metrics of a task, of which the first determines the ranking, and what computes them."""

    scorers: tuple[Scorer, ...]
    ids: tuple[str, ...]  # of the metrics

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics with their usual options."""
        return self._in_order(metric for scorer in self.scorers for metric in scorer.metrics)

    @property
    def needs_likelihoods(self) -> bool:
        """Whether a metric is computed from how likely the model finds the references."""
        return any(metric.needs == Needs.LIKELIHOODS for metric in self.metrics)

    def misfit(self, labels: Sequence[str]) -> str | None:
        """Why a metric is not for a task with these labels, or with free text if there are none; else ``None``."""
        found = ((scorer, scorer.fits(labels)) for scorer in self.scorers)
        return next(
            (f"{title_of(scorer)} does not fit this task: {reason}" for scorer, reason in found if reason), None
        )

    def settled(self, asked: Mapping[str, str], references: Sequence[str]) -> Settled:
        """The metrics with the options that the suite sets, or else those that suit the data set's references."""
        found = [scorer.settled(asked, references) for scorer in self.scorers]
        return Settled(
            self._in_order(metric for one in found for metric in one.metrics),
            {name: value for one in found for name, value in one.unusual.items()},
            tuple(chain.from_iterable(one.notices for one in found)),
        )

    @contextmanager
    def reading(self, options: Mapping[str, str]) -> Iterator[None]:
        """Score with these options inside the context."""
        with ExitStack() as opened:
            for scorer in self.scorers:
                opened.enter_context(scorer.reading(options))
            yield

    def words(self, text: str, options: Mapping[str, str]) -> list[str]:
        """The words of a text, as the first metric sees them."""
        return self.scorers[0].words(text, options)

    def scored(
        self,
        texts: Sequence[str],
        references: Sequence[Sequence[str]],
        counted: Sequence[bool],
        likelihoods: Sequence[Likelihood] = (),
    ) -> Scored:
        """The scores of these answers, of which only those that are ``counted`` make up the values.

        ``references[i]`` has the references of answer ``i``, at least one. ``likelihoods`` are those of the references,
        if a metric needs them. Raises ``ContractError`` for what a metric's file may not return.
        """
        given: dict[Needs, Sequence[Any]] = {Needs.TEXTS: texts, Needs.LIKELIHOODS: likelihoods}
        parts = [_scored(scorer, given[scorer.metrics[0].needs], references, counted) for scorer in self.scorers]
        return Scored(
            self._chosen(part.values for part in parts),
            [self._chosen(rows) for rows in zip(*(part.examples for part in parts), strict=True)],
            [self._chosen(rows) for rows in zip(*(part.closest for part in parts), strict=True)],
        )

    def _in_order(self, metrics: Iterable[Metric]) -> tuple[Metric, ...]:
        known = {metric.id: metric for metric in metrics}
        return tuple(known[name] for name in self.ids)

    def _chosen(self, scores: Iterable[Scores]) -> Scores:
        """The scores of the task's metrics, in order."""
        known = {name: value for one in scores for name, value in one.items()}
        return {name: known[name] for name in self.ids if name in known}


def chosen(names: Sequence[str], scorers: Mapping[str, Scorer]) -> Scoring:
    """The metrics of these names: each is a metric's id, or the name of a scorer for all of its metrics.

    Raises ``SuiteError`` for a name that does not exist, and for a metric that is named twice.
    """
    ids, used = list[str](), dict[str, Scorer]()
    for name in names:
        family = name if name in scorers else _family(name, scorers)
        used[family] = scorers[family]
        members = [metric.id for metric in scorers[family].metrics] if name == family else [name]
        if twice := [member for member in members if member in ids]:
            raise SuiteError(f"task.metrics: {name}: {', '.join(twice)} is already named; leave out one of the two")
        ids += members
    return Scoring(tuple(used.values()), tuple(ids))


def title_of(scorer: Scorer) -> str:
    """What a scorer's metrics are called in messages."""
    return scorer.title or scorer.metrics[0].title


def _family(name: str, scorers: Mapping[str, Scorer]) -> str:
    """The name of the scorer that has a metric of this id."""
    ids = {family: [metric.id for metric in scorer.metrics] for family, scorer in scorers.items()}
    families = [family for family, members in ids.items() if name in members]
    if len(families) > 1:
        raise SuiteError(f"task.metrics: {' and '.join(families)} both have a metric {name!r}; rename one of the two")
    if not families:
        known = {*scorers, *chain(*ids.values())}
        raise SuiteError(
            f"task.metrics: {unknown('metric', name, known)}. A new metric is one file, {name}.py, "
            f"with a class derived from {METRIC_CONTRACT}.Scorer, in a folder that metric_paths in pytest's ini names"
        )
    return families[0]


def _scored(
    scorer: Scorer, answers: Sequence[Any], references: Sequence[Sequence[str]], counted: Sequence[bool]
) -> Scored:
    ids, inside = [metric.id for metric in scorer.metrics], np.array(counted, dtype=bool)
    returned, closest = scorer.measured(answers, references)
    rows = checked.table(scorer, returned, len(references))
    if any(metric.corpus for metric in scorer.metrics):
        values, rows = pseudo_values(rows, inside, partial(checked.values, scorer))
        means = values.tolist()
    else:
        means = [fmean(column) for column in rows[inside].T.tolist()]
    examples = [dict(zip(ids, row, strict=True)) for row in rows.tolist()]
    return Scored(dict(zip(ids, means, strict=True)), examples, closest)
