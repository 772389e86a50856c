"""Each metric's figures are its library's, or what the definition gives by hand."""

import math
from itertools import zip_longest
from random import Random

import pytest
import sacrebleu

from harness.metrics import bleu, checked
from harness.metrics.built_in import SCORERS
from harness.metrics.several import chosen
from harness.spec.errors import Diverged
from harness.spec.metric import Likelihood, options_of

WORDS = (
    "the",
    "a",
    "she",
    "runs",
    "running",
    "meetings",
    "hotel's",
    "well-known",
    "7",
    "3.5",
    "1,200",
    "café",
    "naïve",
)


def scored(name, answers, references, options=None, **given):
    """The value of a metric, and the examples' scores."""
    scoring = chosen([name], SCORERS)
    settled = scoring.settled(options or {}, [reference for group in references for reference in group])
    with scoring.reading(options_of(settled.metrics)):
        found = scoring.scored(answers, references, [True] * len(references), **given)
    return found.values[name], [each[name] for each in found.examples]


def sentence(random):
    return " ".join(random.choices(WORDS, k=random.randint(1, 14))) + random.choice(".!?")


def pairs(seed, most=1):
    """Forty answers with up to so many references each: reworded ones, unrelated ones and empty ones."""
    random = Random(seed)
    answers, references = [], []
    for number in range(40):
        group = [sentence(random) for _ in range(random.randint(1, most))]
        kept = [word if random.random() < 0.7 else random.choice(WORDS) for word in random.choice(group).split()]
        answers.append("" if number % 13 == 12 else sentence(random) if number % 7 == 6 else " ".join(kept))
        references.append(group)
    return answers, references


def streams(references):
    """Several references as sacrebleu takes them: the first ones, the second ones, ..."""
    return [list(each) for each in zip_longest(*references)]


# BLEU and chrF


@pytest.mark.parametrize("most", [1, 3], ids=["one reference", "several references"])
@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_figures_are_sacrebleus_and_the_scores_have_them_as_their_mean(name, most):
    reference = getattr(sacrebleu, f"corpus_{name}")
    for seed in range(5):
        answers, references = pairs(seed, most)
        value, each = scored(name, answers, references)
        expected = reference(answers, streams(references)).score / 100
        assert value == pytest.approx(expected, rel=0, abs=1e-11)
        assert sum(each) / len(each) == pytest.approx(expected, rel=0, abs=1e-11)
        assert 0.05 < expected < 0.9


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_perfect_answers_have_one_and_unrelated_or_empty_ones_zero(name):
    references = [["She runs to the hotel quickly."], ["It was a well-known café."]]
    assert scored(name, [group[0] for group in references], references)[0] == pytest.approx(1)
    assert scored(name, [group[0] for group in references], references)[0] <= 1
    assert scored(name, ["", ""], references)[0] == 0
    assert scored(name, ["XX", "QQ"], references) == (0, [0, 0])


def test_short_answers_have_the_bleu_of_sacrebleu_too():
    answers, references = ["yes", "no way", "at noon today"], [["yes"], ["no way"], ["at noon today"]]
    assert scored("bleu", answers, references)[0] == sacrebleu.corpus_bleu(answers, streams(references)).score / 100


CHINESE = [["她很快跑到了酒店。"], ["这是一家有名的咖啡馆。"]]
JAPANESE = [["彼女はホテルまで走った。"], ["有名なカフェでした。"]]


@pytest.mark.parametrize(
    ("references", "tokenizer"), [(CHINESE, "zh"), (JAPANESE, "char")], ids=["Chinese", "Japanese"]
)
def test_bleu_reads_scripts_without_spaces_character_by_character_and_says_so(references, tokenizer):
    answers = [group[0][:-3] for group in references]
    settled = SCORERS["bleu"].settled({}, [reference for group in references for reference in group])
    assert options_of(settled.metrics) == settled.unusual == {"bleu_tokenizer": tokenizer}
    assert f'(bleu_tokenizer = "{tokenizer}")' in settled.notices[0]
    expected = sacrebleu.corpus_bleu(answers, streams(references), tokenize=tokenizer).score / 100
    assert scored("bleu", answers, references)[0] == pytest.approx(expected, rel=0, abs=1e-11)
    assert expected > 0.3


def test_the_usual_tokenizer_stays_for_texts_with_spaces():
    settled = SCORERS["bleu"].settled({}, ["Ein schöner Tag.", "Был хороший день.", "東京 is a city of many people"])
    assert (options_of(settled.metrics), settled.unusual, settled.notices) == ({"bleu_tokenizer": "13a"}, {}, ())


def test_a_tokenizer_that_the_suite_names_is_used_without_a_notice():
    settled = SCORERS["bleu"].settled({"bleu_tokenizer": "char"}, ["Hello."])
    assert (settled.unusual, settled.notices) == ({"bleu_tokenizer": "char"}, ())


def test_bleu_cannot_read_a_sentence_without_spaces_as_words():
    reads = SCORERS["bleu"].reads
    found = [text for text in (CHINESE[0][0], " ", "Hello, 東京.") if reads(text, {"bleu_tokenizer": "13a"})]
    assert found == ["Hello, 東京."]
    assert reads(CHINESE[0][0], {"bleu_tokenizer": "zh"})
    assert SCORERS["bleu"].remedy([CHINESE[0][0]], {}) == ', or set evaluation.bleu_tokenizer = "zh"'
    assert SCORERS["bleu"].remedy([" "], {}) == ""


def test_one_reference_in_a_hundred_may_be_odd():
    assert bleu.choose(["Hello."] * 99 + [CHINESE[0][0]]) == "13a"
    assert bleu.choose(["Hello."] * 98 + [CHINESE[0][0]]) == "zh"


# Exact match and token F1, as in SQuAD


@pytest.mark.parametrize(
    ("answer", "exact", "f1"),
    [
        ("The Eiffel Tower!", 1, 1),
        ("eiffel tower", 1, 1),
        ("Eiffel Tower in Paris", 0, 2 * 1 * 0.5 / 1.5),
        ("tower tower", 0, 0.5),
        ("Louvre", 0, 0),
        ("", 0, 0),
    ],
)
def test_case_punctuation_articles_and_white_space_do_not_count(answer, exact, f1):
    assert scored("exact_match", [answer], [["the  Eiffel-less Tower, Louvre 2", "An Eiffel tower."]])[0] == exact
    assert scored("token_f1", [answer], [["an Eiffel tower."]])[0] == pytest.approx(f1)


def test_separators_signs_and_points_of_numbers_do_not_count_either():
    answers, references = ["1,000", "5", "15", "5"], [["1000"], ["-5"], ["1.5"], ["6"]]
    assert scored("exact_match", answers, references) == (0.75, [1, 1, 1, 0])


def test_punctuation_of_any_script_does_not_count():
    answers, references = ["北京。", "“Yes”, don’t", "1990–1995"], [["北京"], ["yes dont"], ["1990-1995"]]
    assert scored("exact_match", answers, references)[1] == [1, 1, 1]


def test_characters_of_scripts_without_spaces_are_words_which_is_told():
    answers, references = ["他在北京工作", "in 北京"], [["他在北京大学工作"], ["the 北京 hotel"]]
    assert scored("token_f1", answers, references)[1] == [pytest.approx(2 * 6 / 14), pytest.approx(2 * 2 / 6)]
    assert scored("exact_match", ["他在 北京"], [["他在北京"]])[0] == 1
    told = [SCORERS["token_f1"].settled({}, texts).notices for texts in (["他在北京"], ["Был день.", "the 北京 hotel"])]
    assert told == [("token F1 compares single characters of scripts without spaces, as MLQA does",), ()]


@pytest.mark.parametrize("name", ["bleu", "chrf", "token_f1", "perplexity"])
def test_the_length_of_an_answer_is_counted_in_words_or_in_characters_of_scripts_without_spaces(name):
    assert SCORERS[name].words("他在 Leeds 工作。 Was it?", {"bleu_tokenizer": "zh"}) == [
        *"他在",
        "Leeds",
        *"工作。",
        "Was",
        "it?",
    ]


def test_the_best_of_several_references_counts():
    references = [["in the morning", "at noon"], ["Bob"]]
    assert scored("exact_match", ["noon, at", "bob"], references) == (0.5, [0, 1])
    assert scored("token_f1", ["noon, at", "Bob Ann"], references) == (pytest.approx(5 / 6), [1, pytest.approx(2 / 3)])


@pytest.mark.parametrize("name", ["exact_match", "token_f1"])
def test_a_reference_of_which_nothing_is_left_cannot_be_read(name):
    scorer = SCORERS[name]
    assert [text for text in ("A", "the", "?!", " ", "5", "B") if scorer.reads(text, {})] == ["5", "B"]
    assert "accuracy compares labels as they are" in scorer.remedy(["A"], {})


# Labels


def test_accuracy_is_the_share_of_right_labels():
    references = [["yes"], ["no"], ["A"], ["maybe", "no"]]
    assert scored("accuracy", ["yes ", "No", "A", "no"], references) == (0.75, [1, 0, 1, 1])


def test_macro_f1_is_the_mean_over_the_labels_of_the_references():
    right = ["a", "a", "a", "b", "b", "c"]
    given = ["a", "a", "b", "b", "nonsense", "c"]
    value, each = scored("macro_f1", given, [[label] for label in right])
    assert value == pytest.approx((2 * 2 / (2 + 3) + 2 * 1 / (2 + 2) + 1) / 3)
    assert sum(each) / 6 == pytest.approx(value)
    assert scored("macro_f1", right, [[label] for label in right])[0] == 1


def test_a_label_that_no_reference_has_has_no_f1_of_its_own():
    assert scored("macro_f1", ["a", "b"], [["a"], ["a"]])[0] == pytest.approx(2 / 3)


def test_of_several_right_labels_the_one_that_is_met_counts_or_else_the_first():
    assert scored("macro_f1", ["b", "a"], [["a", "b"], ["a"]])[0] == 1
    assert scored("macro_f1", ["x", "b"], [["a", "b"], ["b"]])[0] == pytest.approx(1 / 2)


def test_labels_are_compared_as_they_are():
    assert all(SCORERS[name].reads("A", {}) and not SCORERS[name].reads(" ", {}) for name in ("accuracy", "macro_f1"))


# Perplexity


def test_perplexity_is_e_to_the_nats_a_token_over_all_references():
    likelihoods = [Likelihood(6.0, 3), Likelihood(2.0, 1), Likelihood(8.0, 8)]
    value, each = scored("perplexity", ["", "", ""], [["one two"], ["three"], ["a long one"]], likelihoods=likelihoods)
    assert value == pytest.approx(math.exp(16 / 12))
    assert sum(each) / 3 == pytest.approx(value)


def test_a_perplexity_beyond_all_numbers_is_that_of_a_model_that_diverged():
    with pytest.raises(Diverged, match="the perplexity of the references is infinite"):
        scored("perplexity", [""], [["one"]], likelihoods=[Likelihood(1e6, 2)])


# All of them


@pytest.mark.parametrize("name", SCORERS)
def test_a_metric_says_what_it_is(name):
    scorer = SCORERS[name]
    assert checked.problem(type(scorer)) is None
    assert all(metric.legend and metric.title for metric in scorer.metrics)
    assert len(scorer.metrics) > 1 or scorer.metrics[0].id == name
