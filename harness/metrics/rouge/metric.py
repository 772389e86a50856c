"""ROUGE's four types as metrics of Tuneoff, and scoring by them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from statistics import fmean
from typing import ClassVar, Final

from ...spec.metric import Metric
from ...spec.suite import AUTO
from .. import scoring
from ..scoring import Scorer, Scores, Settled
from . import words
from .words import ROUGE_SCORE, TOKENIZERS, WORDS

TOKENIZER: Final = "rouge_tokenizer"  # the key of [evaluation]
LEGENDS = {
    ROUGE_SCORE: "Porter stemmer",
    WORDS: "over Unicode words, and characters of scripts without spaces",
    "characters": "over characters",
}


def described(tokenizer: str = ROUGE_SCORE) -> tuple[Metric, ...]:
    """The four types, for words found by that tokenizer of ``rouge.words``; the first one determines the ranking."""
    legend, options = f"ROUGE in points (F1 × 100, {LEGENDS[tokenizer]})", {TOKENIZER: tokenizer}
    titles = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum"}
    return tuple(
        Metric(id=name, title=title, library="rouge_score", legend=legend, options=options)
        for name, title in titles.items()
    )


ROUGE = described()
NAMES = tuple(metric.id for metric in ROUGE)


def reading(tokenizer: str) -> AbstractContextManager[None]:
    """Score with that tokenizer inside the context; outside any, ``rouge_score`` is used."""
    return scoring.reading({TOKENIZER: tokenizer})


def rouge(texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[tuple[Scores, Scores]]:
    """For each text its mean F1 over its references and its F1 against the closest one, in 0..1.

    ``references[i]`` has the references of row ``i``, at least one.
    """
    from .rouge import Rouge  # imports evaluate, and with it torch

    pairs = [(text, reference) for text, group in zip(texts, references, strict=True) for reference in group]
    metric = Rouge(keep_in_memory=True)  # otherwise, concurrent runs would wait for each other's cache file
    values = metric.compute(
        predictions=[text for text, _ in pairs],
        references=[reference for _, reference in pairs],
        tokenizer=scoring.option(TOKENIZER, ROUGE_SCORE),
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


class RougeTypes(Scorer):
    """ROUGE-1, -2, -L and -Lsum; the tokenizer is set by the suite or chosen for the data set's references."""

    title: ClassVar[str] = "ROUGE"
    metrics: ClassVar[tuple[Metric, ...]] = ROUGE
    options: ClassVar[Mapping[str, Sequence[str]]] = {TOKENIZER: tuple(LEGENDS)}

    def statistics(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[float]]:
        """The mean F1 over the references, of each type."""
        return self.measured(answers, references)[0]

    def measured(
        self, answers: Sequence[str], references: Sequence[Sequence[str]]
    ) -> tuple[list[list[float]], list[Scores]]:
        """The same, and the F1 against the closest reference."""
        pairs = rouge(answers, references)
        return [[mean[name] for name in NAMES] for mean, _ in pairs], [closest for _, closest in pairs]

    def settled(self, asked: Mapping[str, str], references: Iterable[str]) -> Settled:
        """The four types with the tokenizer for this data set, and a notice if an unusual one was chosen for it."""
        wanted = asked.get(TOKENIZER, AUTO)
        chosen = words.choose(references) if wanted == AUTO else wanted
        if chosen == ROUGE_SCORE:
            return Settled(ROUGE, {})
        return Settled(described(chosen), {TOKENIZER: chosen}, (NOTICE.format(chosen),) if wanted == AUTO else ())

    def words(self, text: str, options: Mapping[str, str]) -> list[str]:
        """The words between spaces for ``rouge_score``, which reads Latin text, or else the tokenizer's words."""
        return text.split() if options[TOKENIZER] == ROUGE_SCORE else TOKENIZERS[options[TOKENIZER]](text)

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether the tokenizer can read a reference."""
        return words.reads(options[TOKENIZER], reference)

    def remedy(self, unread: Sequence[str], options: Mapping[str, str]) -> str:
        """A suggestion to use another tokenizer, if that one can read any of these references."""
        readable = any(words.reads(WORDS, reference) for reference in unread)
        return f', or set evaluation.{TOKENIZER} = "{WORDS}"' if readable else ""


NOTICE = (
    "ROUGE compares Unicode words, and single characters in scripts without spaces, without a stemmer, because "
    "rouge_score's own tokenizer sees only a-z and 0-9, and many references contain other letters "
    '(rouge_tokenizer = "{}")'
)
