"""ROUGE is rouge_score's: stemmed F1, one sentence a line for Lsum, the mean and the best of several references."""

from random import Random

import pytest
from rouge_score.rouge_scorer import RougeScorer

from harness import scoring

WORDS = (
    "the a she runs running ran meetings meeting was organised organizing quickly hotel's well-known "
    "#Person1# #Person2# #Person1#'s 7 3.5 1,200 2026 10:30 café naïve Straße 東京 Привет e-mail U2 it's"
)
NO_WORDS = ("", " ", "...", "?!", "—", "# # #", "\n")


def sentences(rng):
    return [
        " ".join(rng.choices(WORDS.split(), k=rng.randint(1, 9))) + rng.choice(".!?") for _ in range(rng.randint(1, 4))
    ]


def reworded(original, rng):
    """The sentences in another order, with some words replaced."""
    changed = [
        " ".join(rng.choice(WORDS.split()) if rng.random() < 0.3 else word for word in sentence.split()) + "."
        for sentence in original
    ]
    return rng.sample(changed, rng.randint(1, len(changed)))


def pairs():
    """Prediction and reference as lists of sentences: related, unrelated, and without a single word."""
    rng = Random(0)
    for _ in range(180):
        reference = sentences(rng)
        yield reworded(reference, rng), reference
    yield from ((sentences(rng), sentences(rng)) for _ in range(40))
    for nothing in NO_WORDS:
        yield [nothing], sentences(rng)
        yield sentences(rng), [nothing]
        yield [nothing], [nothing]


def test_scores_equal_rouge_score_with_one_sentence_a_line():
    scorer = RougeScorer(scoring.NAMES, use_stemmer=True)
    examples = list(pairs())
    assert len(examples) > 200
    texts = [" ".join(prediction) for prediction, _ in examples]
    references = [[" ".join(reference)] for _, reference in examples]
    found = scoring.rouge(texts, references)
    for (prediction, reference), (mean, best) in zip(examples, found, strict=True):
        expected = scorer.score("\n".join(reference), "\n".join(prediction))
        assert mean == pytest.approx({name: score.fmeasure for name, score in expected.items()}, rel=0, abs=1e-12)
        assert best == mean


def test_lsum_matches_sentence_by_sentence_where_rouge_l_reads_on():
    ((mean, _),) = scoring.rouge(["Anna reads. Tom sleeps!"], [["Tom sleeps. Anna reads."]])
    assert mean == {"rouge1": 1.0, "rouge2": pytest.approx(2 / 3), "rougeL": 0.5, "rougeLsum": 1.0}


def test_words_are_compared_by_their_stem():
    ((mean, _),) = scoring.rouge(["meetings organised"], [["Meeting organising"]])
    assert mean["rouge2"] == 1.0


def test_a_text_without_words_scores_zero():
    assert scoring.rouge([""], [["Tom sleeps."]]) == [(dict.fromkeys(scoring.NAMES, 0.0),) * 2]


def test_several_references_count_with_their_mean_and_with_the_best_of_each_metric():
    references = ["Tom meets Anna", "Anna Tom meets her", "no word of it"]
    ((mean, best),) = scoring.rouge(["Tom meets Anna"], [references])
    assert best == dict.fromkeys(scoring.NAMES, 1.0)
    assert mean["rouge1"] == pytest.approx((1 + 6 / 7 + 0) / 3)
    assert mean["rouge2"] == pytest.approx((1 + 2 / 5 + 0) / 3)
    assert mean["rougeL"] == pytest.approx((1 + 4 / 7 + 0) / 3)


def test_each_text_meets_its_own_references_however_many():
    scores = scoring.rouge(["red", "green", "blue"], [["red"], ["red", "blue"], ["blue", "blue", "green"]])
    assert [mean["rouge1"] for mean, _ in scores] == [1.0, 0.0, pytest.approx(2 / 3)]
    assert [best["rouge1"] for _, best in scores] == [1.0, 0.0, 1.0]
