"""Texts against references: ROUGE for every test row."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from statistics import fmean

from harness.spec.figures import ROUGE
from harness.spec.suite import ROUGE_SCORE

MODULE = Path(__file__).parent / "rouge"
NAMES = tuple(metric.name for metric in ROUGE)

Scores = dict[str, float]

_tokenizer = ContextVar("tokenizer", default=ROUGE_SCORE)


@contextmanager
def reading(tokenizer: str) -> Iterator[None]:
    """Score meanwhile with that tokenizer of ``harness.metrics.rouge.words``: in a run the data set's; else
    ``rouge_score``.
    """
    token = _tokenizer.set(tokenizer)
    try:
        yield
    finally:
        _tokenizer.reset(token)


def rouge(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[tuple[Scores, Scores]]:
    """For each text its mean F1 over its references and its F1 against the closest one, in 0..1.

    ``references[i]`` holds the human summaries of row ``i``, one at least.
    """
    import evaluate  # which brings torch along

    pairs = [(text, reference) for text, group in zip(texts, references, strict=True) for reference in group]
    metric = evaluate.load(str(MODULE), keep_in_memory=True)  # runs side by side would wait for each other's cache file
    values = metric.compute(
        predictions=[text for text, _ in pairs],
        references=[reference for _, reference in pairs],
        tokenizer=_tokenizer.get(),
    )
    rows, start = [], 0
    for group in references:
        columns = {name: values[name][start : start + len(group)] for name in NAMES}
        rows.append(
            (
                {name: fmean(column) for name, column in columns.items()},
                {name: max(column) for name, column in columns.items()},
            )
        )
        start += len(group)
    return rows
