"""Accuracy: the share of answers that are the right label."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..spec.metric import Metric
from .scoring import Scorer

FREE_TEXT = "its answers are free text, and this metric compares labels; use exact_match, or a task with labels"


class Accuracy(Scorer):
    """Accuracy; any of several references may be met."""

    metrics: ClassVar[tuple[Metric, ...]] = (Metric(id="accuracy", title="accuracy", legend="accuracy in points"),)

    def statistics(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[bool]:
        """Whether the answer is the label, apart from white space around it."""
        pairs = zip(answers, references, strict=True)
        return [text.strip() in [reference.strip() for reference in group] for text, group in pairs]

    def fits(self, labels: Sequence[str]) -> str | None:
        """Labels only."""
        return None if labels else FREE_TEXT

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether there is a label."""
        return bool(reference.strip())
