"""Which of its functions a method answers with, and what its answers count as."""

from dataclasses import replace

import pytest

from harness.method import Method, PeftMethod
from harness.run import answers
from harness.spec.record import Answers
from harness.tasks import prepared
from support.zoo import CLASSES

LABELS = ("a card", "cash", "Cash back")


class Generates(Method):
    """Has its own way to generate, and none to choose."""

    def generate(self, model, prompts):
        return [" CASH "] * len(prompts)


class Chooses(Generates):
    """Has its own way to choose as well."""

    def choose(self, model, prompts, labels):
        return [labels[0]] * len(prompts)


class GeneratesAgain(Chooses):
    """Has another way to generate, to which the inherited way to choose does not belong."""

    def generate(self, model, prompts):
        return super().generate(model, prompts)


@pytest.mark.parametrize(
    ("cls", "chooses"),
    [
        (Method, True),
        (PeftMethod, True),
        (Generates, False),
        (Chooses, True),
        (GeneratesAgain, False),
        (CLASSES["zero_shot"], True),
        (CLASSES["few_shot"], True),
        (CLASSES["lily"], True),
        (CLASSES["lead3"], False),
        (CLASSES["random_sentences"], False),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_a_class_does_not_choose_if_only_its_way_to_generate_is_its_own(cls, chooses):
    assert answers.follows(cls, "choose") == chooses


def test_every_method_that_trains_chooses_by_what_it_has_learned():
    assert [name for name, cls in CLASSES.items() if cls.trains and not answers.follows(cls, "choose")] == []


def test_valid_answers_are_read_as_the_task_writes_them_and_others_as_they_are(toy_task):
    task = replace(toy_task, labels=LABELS)
    texts = [" CASH ", "cash back", "card", "a card"]
    assert answers.read(task, texts) == ["cash", "Cash back", "card", "a card"]
    assert answers.counted(task, texts) == Answers(valid=3, invalid=1)


def test_only_scored_answers_are_counted(toy_task):
    shown = [replace(question, scored=number > 1) for number, question in enumerate(toy_task.questions)]
    task = replace(toy_task, labels=LABELS, questions=shown)
    assert answers.counted(task, ["none", "cash", "none", "cash"]) == Answers(valid=1, invalid=1)


def test_every_text_is_valid_for_a_task_without_labels(toy_task):
    assert answers.read(toy_task, [" Any ", ""]) == [" Any ", ""]
    assert answers.counted(toy_task, ["Any"]) is None


def test_a_prepared_task_keeps_its_labels_and_how_it_is_answered(toy_task, tmp_path):
    task = replace(toy_task, labels=LABELS, chooses=True)
    prepared.save(task, tmp_path / "prepared")
    again = prepared.load(tmp_path / "prepared", task.family)
    assert (again.labels, again.chooses) == (LABELS, True)
