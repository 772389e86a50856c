"""``benchmarks/english.py`` counts what it says."""

import pytest

from benchmarks import english
from support.records import prediction


def test_a_tag_and_a_punctuation_mark_are_words():
    assert english.words("#Person1#'s dog isn't home.") == ["#person1#", "'s", "dog", "isn't", "home", "."]


def test_trigrams_begin_with_a_start_mark():
    assert [*english.trigrams("Ann left.")] == [("<s>", "ann", "left"), ("ann", "left", ".")]


def test_the_share_is_over_all_trigrams_of_all_texts():
    known = {*english.trigrams("Ann left early.")}
    assert english.share_known(["Ann left.", "Ann left early."], known) == pytest.approx(4 / 5)
    assert english.share_known([], known) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("She left.", set()),
        ("#Person1# meets Ann on Friday at 7 o'clock, or I do.", {"ann", "friday", "7"}),
        ("It costs twenty dollars. Three come tomorrow.", {"twenty", "three", "tomorrow"}),
    ],
)
def test_facts_are_names_inside_sentences_numbers_and_days(text, found):
    assert english.facts(text) == found


def test_a_fact_is_right_if_it_occurs_in_the_dialogue():
    answers = [prediction(0, "He meets Ann at 7.", source="#Person1#: Ann comes at 8."), prediction(1, "Nothing.")]
    assert english.share_of_facts(answers) == 1 / 2
