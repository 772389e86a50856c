"""A row of a session beside the same row of a baseline."""

from dataclasses import dataclass

import numpy as np

from ..ranking.paired import Scores
from ..spec.figures import changes
from ..spec.metric import Metric
from .baseline import BaselineRow, BaselineRun, Measured
from .verdict import Outcome, Verdict


@dataclass(frozen=True)
class Pair:
    """One method now and then, with equal keys and common seeds.

    If the baseline has another fingerprint, ``elsewhere`` says what differs. On ``mixed`` devices, a run need not be on
    the kind that it was on then.
    """

    name: str
    now: Measured
    then: Measured
    seeds: tuple[int, ...]
    elsewhere: str | None = None
    same_device: bool = True
    mixed: bool = False

    @property
    def runs(self) -> list[tuple[int, BaselineRun, BaselineRun]]:
        """Each common seed, with its run then and its run now."""
        return [(seed, self.then.row.runs[seed], self.now.row.runs[seed]) for seed in self.seeds]

    @property
    def changed(self) -> str:
        """What changed in the method's settings and source since the baseline."""
        return changed(self.then.row, self.now.row)

    @property
    def same_predictions(self) -> bool:
        """Whether every seed gave exactly the same predictions as then."""
        return self._same("predictions_hash")

    @property
    def same_weights(self) -> bool:
        """Whether every seed's training gave exactly the same weights as then."""
        return self._same("weights_hash")

    @property
    def retrained(self) -> bool:
        """Whether chance in training plays a part: not if nothing is trained or the weights are the same."""
        trains = any(run.counts.trainable_parameters != 0 for _, *both in self.runs for run in both)
        return trains and not self.same_weights

    def scores(self, metric: Metric) -> tuple[Scores, Scores]:
        """The scores now and then, of shape (seeds, examples)."""
        now, then = (np.stack([side.scores[seed][metric.id] for seed in self.seeds]) for side in (self.now, self.then))
        return now, then

    def verdict(self, metric: str, outcome: Outcome, *parts: str | None, advisory: bool = False) -> Verdict:
        """A verdict on this row; its message joins the ``parts`` that are not empty."""
        return Verdict(self.name, metric, outcome, "; ".join(filter(None, parts)), advisory)

    def _same(self, name: str) -> bool:
        hashes = [(getattr(then, name), getattr(now, name)) for _, then, now in self.runs]
        return all(now is not None and now == then for then, now in hashes)


def changed(then: BaselineRow, now: BaselineRow) -> str:
    """The differences in a method's settings and source."""
    source = ["its source changed"] if then.source != now.source else []
    return ", ".join([*changes(then.hyperparameters, now.hyperparameters), *source])
