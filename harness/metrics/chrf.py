"""chrF of sacrebleu, with its usual settings: n-grams of up to six characters of all examples together.

M. Popović, chrF: character n-gram F-score for automatic MT evaluation, WMT 2015.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..spec.metric import Metric
from .scoring import Array, Scorer


class Chrf(Scorer):
    """chrF; of several references, the one with the highest chrF of its own counts."""

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(id="chrf", title="chrF", corpus=True, library="sacrebleu", legend="chrF in points (sacrebleu)"),
    )

    def statistics(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[float]]:
        """For n from 1 to 6: the answer's n-grams, its reference's, and those that match."""
        from sacrebleu.metrics import CHRF  # imported here and below: it takes a while, and is rarely needed

        chrf = CHRF()
        return [
            chrf._extract_corpus_statistics([text], [[reference] for reference in group])[0]
            for text, group in zip(answers, references, strict=True)
        ]

    def value(self, sums: Array, count: int) -> float:
        """As ``sacrebleu.corpus_chrf``, in 0..1."""
        from sacrebleu.metrics import CHRF

        return min(float(CHRF()._compute_score_from_stats(sums.tolist()).score) / 100, 1.0)

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether there is any character but white space."""
        return bool(reference.strip())
