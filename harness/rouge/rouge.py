"""ROUGE as an ``evaluate`` metric that needs no download; the figures are ``rouge_score``'s.

Load it with ``evaluate.load(<this folder>)``: ``evaluate.load("rouge")`` fetches a script from the hub.
"""

import re

import datasets
import evaluate

from harness.rouge.scorer import scores

TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")

DESCRIPTION = "F1 of ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum with Porter stemming, one value an example."
CITATION = "Chin-Yew Lin. ROUGE: A Package for Automatic Evaluation of Summaries. ACL 2004 workshop."


class Rouge(evaluate.Metric):  # type: ignore[misc]
    """``compute(predictions=…, references=…)`` gives a list of F1 values in 0..1 for each ROUGE type."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description="predictions and references: lists of strings of equal length",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, list[float]]:
        pairs = zip(map(sentences, references), map(sentences, predictions), strict=True)
        rows = scores(pairs)
        return {kind: [row[kind] for row in rows] for kind in TYPES}


def sentences(text: str) -> str:
    """The text with one sentence a line, as ROUGE-Lsum expects it; the other types do not mind."""
    return SENTENCE_END.sub("\n", text.strip())
