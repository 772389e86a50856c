"""ROUGE as an ``evaluate`` metric that needs no download; the figures are ``rouge_score``'s.

``evaluate.load("rouge")`` fetches a script from the hub; ``evaluate.load`` of a file copies it out of its package.
"""

import re

import datasets
import evaluate
import regex

from .scorer import scores
from .words import ROUGE_SCORE

TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
ANY_SENTENCE_END = regex.compile(r"(?<=[.!?])\s+|(?<=[\p{STerm}--[.!?]])\s*", regex.VERSION1)  # 。 needs no space

DESCRIPTION = "F1 of ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum, one value per example."
CITATION = "Chin-Yew Lin. ROUGE: A Package for Automatic Evaluation of Summaries. ACL 2004 workshop."


class Rouge(evaluate.Metric):  # type: ignore[misc]
    """``compute(predictions=…, references=…, tokenizer=…)`` returns a list of F1 values in 0..1 for each ROUGE type."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description="predictions and references: lists of strings of equal length; "
            "tokenizer: a name from harness.metrics.rouge.words",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(
        self, predictions: list[str], references: list[str], tokenizer: str = ROUGE_SCORE
    ) -> dict[str, list[float]]:
        split = [[sentences(text, tokenizer) for text in texts] for texts in (references, predictions)]
        rows = scores(zip(*split, strict=True), tokenizer)
        return {kind: [row[kind] for row in rows] for kind in TYPES}


def sentences(text: str, tokenizer: str = ROUGE_SCORE) -> str:
    """The text with one sentence per line, as ROUGE-Lsum expects it; the other types ignore line breaks."""
    end = SENTENCE_END if tokenizer == ROUGE_SCORE else ANY_SENTENCE_END
    return end.sub("\n", text.strip())
