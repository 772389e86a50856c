"""Answers with a known truth, scored as in a run: labels, sentences and likelihoods of trainings of a method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from harness.gate.baseline import Measured, measured
from harness.metrics.built_in import SCORERS
from harness.metrics.several import chosen
from harness.ranking.entries import Entry
from harness.spec.metric import Likelihood, Needs
from harness.spec.record import hash_of
from support.records import finished

WORDS = [f"w{number}" for number in range(400)]


@dataclass(frozen=True)
class Examples:
    """Test examples: their references, how hard they are, and what a training that is so good answers to them."""

    references: Sequence[Sequence[str]]
    answers: Callable[[Generator, float], Sequence[Any]]  # texts or likelihoods; 0 is as good as ever, below is worse


def labelled(random: Generator, count: int = 400) -> Examples:
    """Two labels; 70% of the answers are right."""
    right = random.choice(["yes", "no"], count)
    easy = random.beta(7, 3, count)

    def answers(draw: Generator, better: float) -> list[str]:
        hits = draw.random(count) < np.clip(easy + better, 0, 1)
        return [str(label) if hit else "wrong" for label, hit in zip(right, hits, strict=True)]

    return Examples([(str(label),) for label in right], answers)


def translated(random: Generator, count: int = 200) -> Examples:
    """Sentences of which 80% of the words are right."""
    sentences = [random.choice(WORDS, random.integers(8, 25)) for _ in range(count)]
    easy = random.beta(16, 4, count)

    def answers(draw: Generator, better: float) -> list[str]:
        return [
            " ".join(np.where(draw.random(len(words)) < share + better, words, draw.choice(WORDS, len(words))))
            for words, share in zip(sentences, easy, strict=True)
        ]

    return Examples([(" ".join(words),) for words in sentences], answers)


def likely(random: Generator, count: int = 200) -> Examples:
    """References of 10 to 60 tokens at about 2 nats each, so that the perplexity is about 7.5."""
    tokens: NDArray[np.int64] = random.integers(10, 60, count)
    hard = random.gamma(20, 0.1, count)

    def answers(draw: Generator, better: float) -> list[Likelihood]:
        nats = tokens * (hard * draw.normal(1, 0.03, count) - better)
        return [Likelihood(float(each), int(length)) for each, length in zip(nats, tokens, strict=True)]

    return Examples([("",)] * count, answers)


def runs(
    name: str, examples: Examples, random: Generator, better: float = 0.0, *, method: str = "lora", noise: float = 0.0
) -> list[Entry]:
    """Three trainings of a method, scored by a metric; ``noise`` is how far they are apart."""
    return [
        _run(name, examples, examples.answers(random, better + noise * random.normal()), method, seed)
        for seed in range(3)
    ]


def row(name: str, examples: Examples, random: Generator, better: float = 0.0, **changes: Any) -> Measured:
    """The same as a row of the gate."""
    return measured((entry.record, entry.scores) for entry in runs(name, examples, random, better, **changes))


def _run(name: str, examples: Examples, answers: Sequence[Any], method: str, seed: int) -> Entry:
    scoring = chosen([name], SCORERS)
    texts = answers if scoring.metrics[0].needs == Needs.TEXTS else [""] * len(answers)
    found = scoring.scored(texts, examples.references, [True] * len(answers), answers)
    told = {
        "data_hash": "c82ca3c94f74",
        "model_revision": "5ca1ab1e0000",
        "predictions_hash": hash_of(map(str, answers)),
    }
    record = finished(method, seed, metrics=scoring.metrics, scores=found.values, **told)
    return Entry(record, {name: np.array([each[name] for each in found.examples])})
