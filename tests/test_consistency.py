"""Targets that cannot be scored as the task says are told before anything is trained."""

import pytest
from transformers import ByT5Tokenizer

from harness.models.seq2seq import Seq2SeqFamily
from harness.spec.errors import DataError, SuiteError
from harness.spec.suite import TaskTable
from harness.tasks import consistency, data, definition, labels
from harness.tasks.task import prepare

BYTES = Seq2SeqFamily(ByT5Tokenizer())  # a byte is a token
PREMISES = [
    {"premise": f"Premise {n // 3}.", "hypothesis": f"Hypothesis {n}.", "label": ["yes", "no", "maybe"][n % 3]}
    for n in range(90)
]
KINDS = [{"text": f"Text {n}", "label": ["yes", "no"][n % 2]} for n in range(400)]


@pytest.fixture
def table(tmp_path, write):
    """``table(train, test, **keys)``: the task of choosing labels for these rows."""

    def make(train, test, **keys):
        write(tmp_path / "train.jsonl", train)
        write(tmp_path / "test.jsonl", test)
        return TaskTable(**{"name": "classify", "data": str(tmp_path), **keys})

    return make


def told(table):
    task, splits = definition.of(table), data.load(table)
    return consistency.check(task, labels.of(task, splits["train"]), data.cut(table, splits))


def refusal(table):
    with pytest.raises(DataError) as caught:
        told(table)
    return str(caught.value)


# Labels that contradict each other


def test_rows_that_are_the_same_but_for_their_label_are_refused_with_their_number_and_an_example(table):
    columns = {"source": "premise"}
    assert refusal(table(PREMISES[:60], PREMISES[60:], columns=columns)) == (
        "10 of 10 test items have rows with different labels, of which any counts as right, such as 'yes' (id 1) and "
        "'no' (id 2); does task.prompt leave out a column that tells them apart? If several labels are right, write "
        "them as a list in one row"
    )
    prompt = "{source}\n\n{hypothesis}\n\nLabel: "
    assert told(table(PREMISES[:60], PREMISES[60:], columns=columns, prompt=prompt)) == []


def test_so_are_those_of_a_task_that_generates_its_labels(table):
    keys = {"columns": {"source": "premise"}, "answer": "generate", "labels": ("yes", "no", "maybe")}
    assert refusal(table(PREMISES[:60], PREMISES[60:], **keys)).startswith("10 of 10 test items have rows with differ")


@pytest.mark.parametrize(("items", "refused"), [(100, False), (99, True)])
def test_one_item_in_a_hundred_may_have_several_labels_and_is_told(items, refused, table):
    test = [*KINDS[:items], {"text": "Text 0", "label": "no"}]
    asked = table(KINDS[200:], test)
    found = refusal(asked) if refused else told(asked)[0]
    assert found.startswith(f"1 of {items} test items have rows with different labels, of which any counts as right, ")
    assert f"such as 'yes' (id 1) and 'no' (id {items + 1});" in found


def test_training_rows_that_contradict_each_other_are_told(table):
    (found,) = told(table([*KINDS[:50], {"text": "Text 1", "label": "yes"}], KINDS[200:220]))
    assert found.startswith("1 of 50 training items have rows with different labels, such as 'no' (id 2) and 'yes' (id")


def test_the_labels_of_a_list_and_those_that_are_written_otherwise_do_not_contradict_each_other(table):
    both = [{"text": f"Text {n}", "label": ["yes", "no"]} for n in range(20)]
    again = [*KINDS[:20], *({**row, "label": f" {row['label'].upper()}"} for row in KINDS[:20])]
    assert told(table(KINDS, both)) == told(table(KINDS, again)) == []


def test_texts_may_have_as_many_references_as_they_like(table):
    columns = {"source": "premise", "target": "hypothesis"}
    assert told(table(PREMISES[:60], PREMISES[60:], name="answer", columns=columns)) == []


# Labels that are nearly the same


def test_labels_that_differ_only_in_case_are_told_and_kept_apart(table):
    train = [{"text": f"Text {n}", "label": ["Yes", "no", "yes"][n % 3]} for n in range(30)]
    asked = table(
        train, [{"text": "A", "label": " yes"}, {"text": "B", "label": "Yes "}, {"text": "C", "label": "YES"}]
    )
    assert told(asked) == ["the labels 'Yes' and 'yes' differ only in case or spaces; each is a class of its own"]
    made = prepare(asked, data.load(asked), BYTES)
    assert [question.references for question in made.questions] == [("yes",), ("Yes",), ("Yes",)]


# What is learned


def learned(made):
    return [BYTES.tokenizer.decode(row.target.tolist(), skip_special_tokens=True) for row in made.training]


@pytest.mark.parametrize("answer", ["choose", "generate"])
def test_what_is_learned_is_the_label_that_is_chosen_and_not_how_a_cell_writes_it(answer, table):
    written = [{**row, "label": f" {row['label']}"} for row in KINDS[:4]]
    asked = table(written, written, labels=("No", "Yes"), answer=answer)
    made = prepare(asked, data.load(asked), BYTES)
    assert learned(made) == [made.texts(row)[1] for row in range(4)] == ["Yes", "No", "Yes", "No"]
    assert [(each.references, each.targets) for each in made.questions[:2]] == [(("Yes",),) * 2, (("No",),) * 2]
    found = table(written, written)
    assert learned(prepare(found, data.load(found), BYTES)) == ["yes", "no", "yes", "no"]


def test_of_a_label_that_is_only_a_part_the_whole_target_is_learned(table):
    written = [{"text": f"Text {n}", "label": f"It is so. #### {'YES' if n % 2 else 'NO'}"} for n in range(4)]
    asked = table(written, written, labels=("yes", "no"), answer="generate", extract="#### (.*)")
    made = prepare(asked, data.load(asked), BYTES)
    assert learned(made)[0] == "It is so. #### NO"
    assert made.questions[0].references == ("no",)


READS = """from harness.task import Task

class Own(Task):
    columns = {"source": "text", "target": "label"}
    prompt = "{source}"
    answer = "choose"
    metrics = ["accuracy"]

    def read(self, answer):
        return answer.removeprefix("label: ")
"""


def test_a_task_in_python_that_chooses_has_nothing_to_read(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(READS)
    table = TaskTable(name=str(path), columns={"source": "text", "target": "label"}, prompt="{source}", answer="choose")
    with pytest.raises(
        SuiteError, match=r"task\.answer: 'choose' takes a label as it is; leave out read\(\) of .*own\.py"
    ):
        definition.of(table)


# Texts that end an answer


SUMS = [{"question": f"What is {n} and {n}?", "answer": f"It is twice {n}.\n#### {2 * n}"} for n in range(120)]


def test_a_stop_that_cuts_what_counts_of_a_perfect_answer_is_refused(table):
    keys = {"name": "answer", "stop": "\n", "extract": "#### (.*)"}
    assert refusal(table(SUMS[:80], SUMS[80:], **keys)) == (
        "task.stop: '\\n' is within what counts of 120 of 120 targets, as in 'It is twice 0.\\n#### 0': an answer that "
        "equals such a target is cut there, and cannot be right; choose another text, or leave out this key"
    )
    assert refusal(table(SUMS[:80], SUMS[80:], name="answer", stop="####")).startswith(
        "task.stop: '####' is within what"
    )


def test_a_stop_behind_what_counts_is_none_of_these(table):
    ended = [{**row, "answer": f"{row['answer']}\n\nQuestion: and 5?"} for row in SUMS]
    assert told(table(ended[:80], ended[80:], name="answer", stop="\n\n", extract="#### (.*)")) == []
    plain = [{**row, "answer": f"{n}\n"} for n, row in enumerate(SUMS)]
    assert told(table(plain[:80], plain[80:], name="answer", stop="\n")) == []


def test_a_target_in_a_hundred_that_a_stop_cuts_is_told(table):
    plain = [{**row, "answer": f"{n}"} for n, row in enumerate(SUMS)]
    (found,) = told(
        table([*plain[:80], {"question": "And?", "answer": "So\nso"}], plain[80:], name="answer", stop="\n")
    )
    assert found.startswith("task.stop: '\\n' is within what counts of 1 of 121 targets, as in 'So\\nso': an answer")
