"""ROUGE is rouge_score's: stemmed F1, one sentence a line for Lsum, the mean and the best of several references."""

from itertools import product
from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from harness.metrics.rouge.metric import NAMES, reading, rouge
from harness.metrics.rouge.scorer import scores

WORDS = (
    "the a she runs running ran meetings meeting was organised organizing quickly hotel's well-known "
    "#Person1# #Person2# #Person1#'s 7 3.5 1,200 2026 10:30 café naïve Straße 東京 Привет e-mail U2 it's"
)
NO_WORDS = ("", " ", "...", "?!", "—", "# # #", "\n")
ODD_TEXTS = (
    *NO_WORDS,
    "\n\nTom sleeps.\n\n\nAnna reads.\n",
    "#Person1#: Hello!\n#Person2#: Hello, #Person1#.\r\n#Person1#: Bye-bye, #Person2#...",
    "no no no no no",
    "No, no.\nNo!",
    "İstanbul \u212aelvin ΣΑΣ straße STRASSE ﬁne naïve café 東京 ٣",
    "one\ttwo\xa0three\u2028four\x0bfive\x85six",
    "dying skies sses ies ational yyyy 1990s aaaa'bbbb news' innings",
    "sleep sleeps sleeping sleeper\nread reads reading reader",
    "Tom read. Anna sleeps\nHello #Person1#: no, three two one",
)


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
    scorer = RougeScorer(NAMES, use_stemmer=True)
    examples = list(pairs())
    assert len(examples) > 200
    texts = [" ".join(prediction) for prediction, _ in examples]
    references = [[" ".join(reference)] for _, reference in examples]
    found = rouge(texts, references)
    for (prediction, reference), (mean, best) in zip(examples, found, strict=True):
        expected = scorer.score("\n".join(reference), "\n".join(prediction))
        assert mean == pytest.approx({name: score.fmeasure for name, score in expected.items()}, rel=0, abs=1e-12)
        assert best == mean


def assert_equal_to_rouge_score(examples):
    """The (reference, prediction) pairs get rouge_score's figures; a line is a sentence."""
    scorer = RougeScorer(NAMES, use_stemmer=True)
    for pair, found in zip(examples, scores(examples), strict=True):
        expected = {name: score.fmeasure for name, score in scorer.score(*pair).items()}
        assert found == pytest.approx(expected, rel=0, abs=1e-12), pair


# lines of very few different words, some of them empty: many subsequences are equally long
LINES = st.lists(st.sampled_from(("Tom", "meets", "meeting", "Anna", "7")), max_size=9).map(" ".join)
TEXTS = st.lists(LINES, min_size=1, max_size=5).map("\n".join)


@settings(max_examples=400)
@given(reference=TEXTS, prediction=TEXTS)
def test_the_same_words_as_rouge_score_s_are_picked_among_equally_long_subsequences(reference, prediction):
    assert_equal_to_rouge_score([(reference, prediction)])


def test_odd_texts_score_as_in_rouge_score_each_against_each():
    assert_equal_to_rouge_score(list(product(ODD_TEXTS, repeat=2)))


def test_long_texts_score_as_in_rouge_score():
    rng = Random(2)
    dialogues = ["\n".join(text for _ in range(15) for text in sentences(rng)) for _ in range(3)]
    assert min(len(dialogue.split()) for dialogue in dialogues) > 100
    assert_equal_to_rouge_score(list(product(dialogues, repeat=2)))


def test_lsum_matches_sentence_by_sentence_where_rouge_l_reads_on():
    ((mean, _),) = rouge(["Anna reads. Tom sleeps!"], [["Tom sleeps. Anna reads."]])
    assert mean == {"rouge1": 1.0, "rouge2": pytest.approx(2 / 3), "rougeL": 0.5, "rougeLsum": 1.0}


def test_words_are_compared_by_their_stem():
    ((mean, _),) = rouge(["meetings organised"], [["Meeting organising"]])
    assert mean["rouge2"] == 1.0


def test_a_text_without_words_scores_zero():
    assert rouge([""], [["Tom sleeps."]]) == [(dict.fromkeys(NAMES, 0.0),) * 2]


def test_several_references_count_with_their_mean_and_with_the_best_of_each_metric():
    references = ["Tom meets Anna", "Anna Tom meets her", "no word of it"]
    ((mean, best),) = rouge(["Tom meets Anna"], [references])
    assert best == dict.fromkeys(NAMES, 1.0)
    assert mean["rouge1"] == pytest.approx((1 + 6 / 7 + 0) / 3)
    assert mean["rouge2"] == pytest.approx((1 + 2 / 5 + 0) / 3)
    assert mean["rougeL"] == pytest.approx((1 + 4 / 7 + 0) / 3)


def test_each_text_meets_its_own_references_however_many():
    """Every pair has a score of its own: one to six of the text's words, of which there are six."""
    words = ("red", "green", "blue", "black", "white", "pink")
    texts = [" ".join(f"{word}{number}" for word in words) for number in range(3)]
    shared = [(1, 2), (3,), (6, 4, 5)]
    references = [
        [" ".join(text.split()[:count]) for count in counts] for text, counts in zip(texts, shared, strict=True)
    ]
    f1 = [[2 * count / (6 + count) for count in counts] for counts in shared]
    scores = rouge(texts, references)
    assert [mean["rouge1"] for mean, _ in scores] == pytest.approx([fmean(row) for row in f1])
    assert [best["rouge1"] for _, best in scores] == pytest.approx([max(row) for row in f1])


def test_a_text_without_a_list_of_references_is_not_passed_over():
    with pytest.raises(ValueError, match="shorter"):
        rouge(["red", "green"], [["red"]])


def test_scores_are_read_with_the_tokenizer_of_the_block_and_behind_it_as_before():
    text, reference = ["Том опоздал"], [["Том спит"]]
    assert rouge(text, reference)[0][0]["rouge1"] == 0.0
    with reading("words"):
        assert rouge(text, reference)[0][0]["rouge1"] == 0.5
    assert rouge(text, reference)[0][0]["rouge1"] == 0.0
