"""Exact match as in SQuAD: the share of answers that equal a reference, apart from case, punctuation and articles."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..spec.metric import Metric
from . import squad
from .scoring import Scorer


class ExactMatch(Scorer):
    """Exact match; any of several references may be met."""

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(id="exact_match", title="exact match", legend="exact match in points (SQuAD's normalisation)"),
    )

    def statistics(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[bool]:
        """Whether the answer equals a reference."""
        pairs = zip(answers, references, strict=True)
        return [squad.words(text) in [squad.words(reference) for reference in group] for text, group in pairs]

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether anything is left of a reference."""
        return bool(squad.words(reference))

    def remedy(self, unread: Sequence[str], options: Mapping[str, str]) -> str:
        """Another metric."""
        return squad.unread("exact match")
