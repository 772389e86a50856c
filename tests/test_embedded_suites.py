"""The suites about the embedded data ask what the dialogues answer, of rows that training has not seen."""

from collections import Counter

import pytest

from harness.embedded import corpus, instructions
from harness.spec import suite
from harness.tasks import data, scored_by

TURNS = (("#Person1#", "Hello."), ("#Person2#", "What is it?"))


def loaded(name):
    """The ``[task]`` of a suite, and its rows by split."""
    table = suite.load(name).task
    return table, data.cut(table, data.load(table))


@pytest.mark.parametrize("name", ["embedded", "answer", "classify"])
def test_training_and_test_rows_have_no_prompt_in_common(name):
    _, rows = loaded(name)
    assert not {row.asked for row in rows["train"]} & {row.asked for row in rows["test"]}
    assert len(rows["train"]) == 2000


@pytest.mark.parametrize("name", ["answer", "classify"])
def test_a_part_of_the_test_dialogues_is_of_scenarios_that_the_base_model_never_saw(name):
    _, rows = loaded(name)
    unseen = {scenario.topic for scenario in corpus.scenarios() if scenario.held_out}
    topics = {row["id"]: row["topic"] for row in corpus.splits()["test"]}
    assert 0.1 < sum(topics[row.id] in unseen for row in rows["test"]) / len(rows["test"]) < 0.25


def test_questions_are_asked_as_the_base_model_was_taught():
    (template,) = suite.load("answer").task.templates
    dialogue = "\n".join(f"{speaker}: {text}" for speaker, text in TURNS)
    expected = instructions.frame("Answer the question.", TURNS, "Who asks?")
    assert template.filled({"source": "Who asks?", "context": dialogue}) == expected


def test_every_answer_is_said_in_its_dialogue():
    _, rows = loaded("answer")
    assert len({row.asked for row in rows["test"]}) == len(rows["test"]) == 300
    assert [row.id for row in rows["test"] if row.target.lower() not in row.others["context"].lower()] == []


def test_decisions_are_labels_of_which_none_is_nearly_always_right():
    table, rows = loaded("classify")
    for split in rows.values():
        counts = Counter(row.target for row in split)
        assert set(counts) == set(table.labels)
        assert max(counts.values()) / len(split) < 0.65
    assert Counter(row.target for row in rows["test"])["no"] / 600 == pytest.approx(0.615)


def test_each_is_scored_by_the_metrics_of_its_task():
    assert scored_by.names(suite.load("answer").task) == ("exact_match", "token_f1")
    assert scored_by.names(suite.load("classify").task) == ("accuracy", "macro_f1")
