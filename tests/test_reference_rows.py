"""Rows that learn nothing: what they are asked, and what they take from a dialogue."""

from itertools import combinations

import pytest

from harness.method import Bound, Question
from harness.metrics.rouge.metric import rouge
from harness.models.seq2seq import Seq2SeqFamily
from harness.run import weights
from harness.training import decoding
from support import contracts, toy
from support.zoo import CLASSES

ROWS = toy.ROWS
UNTRAINED = [name for name, cls in CLASSES.items() if not cls.trains and not issubclass(cls, Bound)]
QUESTIONS = [
    Question(str(number), dialogue, toy.PROMPT.fill(dialogue), (summary,), (summary,), rows=(number,))
    for number, (dialogue, summary) in enumerate(ROWS)
]


def answers(name, seed=0, **values):
    """What a reference row answers to all dialogues."""
    cls = contracts.having(CLASSES[name], **values)
    if issubclass(cls, Bound):
        return contracts.instance(cls).answer(QUESTIONS)
    trial = contracts.built(cls, seed)
    return trial.method.generate(trial.model, toy.prompts())


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_reference_row_leaves_the_base_as_it_is_with_nothing_to_train(name):
    trial = contracts.built(CLASSES[name])
    assert trial.trainable == set()
    assert weights.digest(trial.model) == weights.digest(toy.base())


def test_a_bound_asks_no_model_and_leaves_nothing_to_train():
    assert contracts.built(CLASSES["oracle"]).trainable == set()


def test_zero_shot_asks_the_model_the_prompts_and_nothing_else():
    trial, prompts = contracts.built(CLASSES["zero_shot"]), toy.prompts()
    assert contracts.asked(trial.method, trial.model, prompts) == prompts
    expected = decoding.generate(toy.copy_of_base(), Seq2SeqFamily(toy.tokenizer()), prompts, max_new_tokens=4)
    assert trial.method.generate(trial.model, prompts) == expected


@pytest.mark.parametrize("shots", [1, 2, 3])
def test_few_shot_asks_the_model_with_so_many_training_rows_and_their_summaries_before_each_prompt(shots):
    trial = contracts.built(contracts.having(CLASSES["few_shot"], shots=shots))
    shown = "".join(f"{toy.PROMPT.fill(dialogue)}{summary}\n\n" for dialogue, summary in ROWS[:shots])
    questions = toy.prompts()[4:6]
    assert contracts.asked(trial.method, trial.model, questions) == [shown + question for question in questions]


def test_few_shot_shows_the_examples_that_it_is_given_in_their_order():
    later = contracts.built(CLASSES["few_shot"], examples=[("Add 1.", "2"), ("Add 2.", "3"), ("Add 3.", "4")])
    assert contracts.asked(later.method, later.model, ["Add 7."]) == ["Add 1.2\n\nAdd 2.3\n\nAdd 7."]


def test_lead3_answers_with_the_first_three_turns():
    assert answers("lead3") == [" ".join(dialogue.splitlines()[:3]) for dialogue, _ in ROWS]


@pytest.mark.parametrize("turns", [1, 3])
def test_random_sentences_are_so_many_different_turns_in_their_order(turns):
    for text, (dialogue, _) in zip(answers("random_sentences", turns=turns), ROWS, strict=True):
        lines = dialogue.splitlines()
        assert text in {" ".join(some) for some in combinations(lines, min(turns, len(lines)))}


def test_random_sentences_follow_the_seed_and_the_dialogue():
    first, again, other = (answers("random_sentences", seed) for seed in (0, 0, 1))
    assert first == again != other
    places = {text.split(" times.")[0][-1] for text in first}
    assert len(places) > 1  # not the same turns everywhere


@pytest.mark.parametrize(
    ("turns", "references", "best"),
    [
        # the better turn is the later one, and both together are better still
        (["they want it", "no idea", "a red bicycle is here"], ["They want a red bicycle"], [0, 2]),
        (["one two three", "four five six"], ["nothing of it", "four five six"], [1]),  # every reference counts
        (["sat cat the", "the cat"], ["the cat sat"], [0]),  # words count, not their order
        (["one two", "three"], ["nothing of it"], []),
    ],
)
def test_the_oracle_picks_the_turns_that_raise_rouge_1_and_keeps_their_order(turns, references, best):
    question = Question("0", "\n".join(turns), "", tuple(references), tuple(references), rows=(0,))
    assert bound_answer("oracle", question) == " ".join(turns[number] for number in best)


def bound_answer(name, question):
    """What a bound answers to one question."""
    (text,) = contracts.instance(CLASSES[name]).answer([question])
    return text


def test_no_other_choice_of_turns_beats_the_oracle():
    scores = {}
    for name in ("oracle", "lead3", "random_sentences"):
        found = rouge(answers(name), [question.references for question in QUESTIONS])
        scores[name] = [mean["rouge1"] for mean, _ in found]
    for name in ("lead3", "random_sentences"):
        assert all(best >= other for best, other in zip(scores["oracle"], scores[name], strict=True))
        assert sum(scores["oracle"]) > sum(scores[name])
