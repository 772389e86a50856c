"""Macro F1: the mean, over the labels that occur in the references, of each label's F1 over all examples together."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ..spec.metric import Metric
from .accuracy import FREE_TEXT
from .scoring import Array, Scorer


class MacroF1(Scorer):
    """Macro F1; an answer that is no label of a reference is wrong, and has no F1 of its own.

    So all methods of a suite have the same labels. With several references, an answer that meets one is right; any
    other answer misses the first reference.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(id="macro_f1", title="macro F1", corpus=True, legend="macro F1 in points"),
    )

    def statistics(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> Array:
        """For each label: whether it is the answer and right, whether it is the answer, whether it is right."""
        given = [answer.strip() for answer in answers]
        known = [[reference.strip() for reference in group] for group in references]
        right = [text if text in group else group[0] for text, group in zip(given, known, strict=True)]
        labels = sorted({*right, *(reference for group in known for reference in group)})
        answered, correct = (
            np.array([[each == label for label in labels] for each in texts], float) for texts in (given, right)
        )
        return np.concatenate([answered * correct, answered, correct], axis=1)

    def value(self, sums: Array, count: int) -> float:
        """The mean of the labels' F1, in 0..1; a label that is never right any more does not count."""
        both, answered, correct = np.split(sums, 3)
        there = correct > 0
        return float(np.mean(2 * both[there] / (answered[there] + correct[there])))

    def fits(self, labels: Sequence[str]) -> str | None:
        """Labels only."""
        return None if labels else FREE_TEXT

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether there is a label."""
        return bool(reference.strip())
