"""Any task's rows become prompts, references and questions, by columns that may be called and composed as they like."""

from dataclasses import replace

import pytest
from transformers import ByT5Tokenizer

from harness.models.seq2seq import Seq2SeqFamily
from harness.spec.errors import DataError
from harness.spec.suite import TaskTable
from harness.tasks import consistency, data, definition, labels, leakage, prepared, reading
from harness.tasks.reading import Reading
from harness.tasks.task import prepare

NEW = {"name": "mine", "columns": {"source": "q", "target": "a"}, "prompt": "{source}\n", "metrics": ["rouge"]}
BYTES = Seq2SeqFamily(ByT5Tokenizer())  # a byte is a token


@pytest.fixture
def table(tmp_path, write):
    """``table(rows, **keys)``: the ``[task]`` of these rows in one file, in which every tenth source is for testing."""

    def make(rows, **keys):
        path = write(tmp_path / "rows.jsonl", rows)
        return TaskTable(**{**(NEW if "name" not in keys else {}), "data": str(path), "metrics": ["rouge"], **keys})

    return make


@pytest.fixture
def task(table):
    """``task(rows, **keys)``: the prepared task of these rows."""

    def make(rows, **keys):
        asked = table(rows, **keys)
        return prepare(asked, data.load(asked), BYTES)

    return make


def refusal(table):
    with pytest.raises(DataError) as caught:
        data.load(table)
    return str(caught.value)


def checked(table):
    """What is told about the targets before anything is trained."""
    task, splits = definition.of(table), data.load(table)
    return consistency.check(task, labels.of(task, splits["train"]), data.cut(table, splits))


def rows(**columns):
    """Eleven rows with these columns: a text with its row's number in it, or a function of the number."""
    return [
        {name: value(n) if callable(value) else f"{value} {n}" for name, value in columns.items()} for n in range(11)
    ]


PLAIN = rows(q="Question", a="Answer")

# Columns


def test_the_columns_of_a_built_in_task_have_usual_names_and_any_other_that_the_suite_gives(task):
    for columns in ({"document": "Text", "abstract": "Short"}, {"text": "Text", "highlights": "Short"}):
        (question, _) = task(rows(**columns), name="summarize").questions
        assert question.prompt == "Summarize the following text.\n\nText 0\n\nSummary: "
    (question, _) = task(rows(s="Text", t="Short"), name="summarize", columns={"source": "s", "target": "t"}).questions
    assert (question.source, question.references) == ("Text 0", ("Short 0",))


@pytest.mark.parametrize(
    ("columns", "keys", "said"),
    [
        ({"frage": "Q", "a": "A"}, {}, "no column 'q'; it has frage, a."),
        ({"Q": "Q", "a": "A"}, {}, "no column 'q'; it has Q, a; did you mean 'Q'?"),
        ({"q": "Q", "a": "A"}, {"prompt": "{source} {hnt}"}, "no column 'hnt'; it has q, a. If it is the same in all"),
        ({"q": "Q", "a": "A"}, {"columns": {**NEW["columns"], "id": "uid"}}, "no column 'uid'; it has q, a"),
        ({"q": "Q", "a": "A"}, {"columns": {**NEW["columns"], "id": ["uid", "nr"]}}, "no column 'uid' or 'nr'; it has"),
        (
            {"question": "Q", "answer": "A", "context": "C"},
            {"name": "answer", "columns": {"context": "contxt"}},
            "no column 'contxt'; it has question, answer, context; did you mean 'context'?",
        ),
        (
            {"q": "Q", "a": "A", "hint": "H"},
            {"prompt": ["{hint} {source}", "{source}"], "columns": {**NEW["columns"], "hint": "hnt"}},
            "no column 'hnt'; it has q, a, hint; did you mean 'hint'?",
        ),
        ({"text": "Q", "summaries": "A"}, {"name": "summarize"}, "no column 'highlights', 'summary' or 'abstract'; it"),
    ],
)
def test_a_missing_column_is_told_with_the_closest_one_and_all_there_are(columns, keys, said, table):
    message = refusal(table(rows(**columns), **{**({} if "name" in keys else NEW), **keys}))
    assert said in message


def test_an_id_may_be_called_otherwise(task):
    made = task(rows(q="Q", a="A", uid="row"), columns={**NEW["columns"], "id": "uid"})
    assert [question.id for question in made.questions] == ["row 0", "row 10"]


def test_a_column_of_a_built_in_task_or_of_some_prompts_only_may_be_missing_unless_the_suite_names_it(task):
    assert task(rows(question="Q", answer="A"), name="answer").questions[0].prompt.startswith("Answer the question.\n")
    made = task(PLAIN, prompt=["{hint} {source}", "{source}"])
    assert made.questions[0].prompt == "Question 0"
    named = task(
        [*PLAIN, {"q": "Q", "a": "A", "hint": "H"}],
        prompt=["{hint} {source}", "{source}"],
        columns={**NEW["columns"], "hint": "hint"},
    )
    assert named.questions[0].prompt == "Question 0"


LABELLED = {"answer": "choose", "metrics": ["accuracy"]}


def test_whole_numbers_beside_the_source_and_as_labels_are_texts_and_told(task, table):
    numbered = rows(q="Q", a=lambda n: n % 2, level=lambda n: n % 3)
    keys = {"prompt": "{level}: {source}", **LABELLED}
    made = task(numbered, **keys)
    assert [(each.prompt, each.references) for each in made.questions] == [("0: Q 0", ("0",)), ("1: Q 10", ("0",))]
    assert made.labels == ("0", "1")
    told = "has whole numbers, which count as text"
    assert [line.rpartition(": ")[2] for line in data.read(table(numbered, **NEW | keys)).notices] == [
        f"a {told}",
        f"level {told}",
    ]
    given = task(rows(q="Q", a=lambda n: n % 2), labels=["0", "1"])
    assert given.questions[1].references == ("0",)


@pytest.mark.parametrize(
    ("columns", "keys", "said"),
    [
        ({"q": lambda n: n, "a": "A"}, {}, "row 1: q is not text but int; write numbers in quotes"),
        ({"q": "Q", "a": lambda n: n}, {}, "row 1: a is not text but int; write numbers in quotes"),
        ({"q": "Q", "a": lambda n: [f"{n}", n]}, {}, "row 1: a is not text but int; write numbers in quotes"),
        ({"q": "Q", "a": lambda n: n / 2}, LABELLED, "row 1: a is not text but float; write numbers in quotes"),
        ({"q": "Q", "a": lambda n: n > 0}, LABELLED, "row 1: a is not text but bool; write texts, or compute"),
        ({"q": "Q", "a": lambda n: n or None}, LABELLED, "row 1: a is null"),
        ({"q": "Q", "a": lambda n: None if n else "A"}, {}, "row 2: a is null"),
        ({"q": "Q", "a": "A", "b": lambda n: n or None}, {"prompt": "{b}: {source}"}, "row 1: b is null"),
        ({"q": "Q", "a": "A", "b": lambda n: n / 2}, {"prompt": "{b}: {source}"}, "row 1: b is not text but float"),
    ],
)
def test_what_is_no_text_is_refused_with_its_row(columns, keys, said, table):
    assert said in refusal(table(rows(**columns), **NEW | keys))


def test_a_question_keeps_the_whole_targets_of_which_its_references_are_what_counts(task):
    marked = rows(q="Q", a=lambda n: [f"So it is {n}.\n#### {n}", f"Or\n#### {n}.0"])
    made = task(marked, extract=r"#### (.*)")
    assert [(each.references, each.targets) for each in made.questions] == [
        (("0", "0.0"), ("So it is 0.\n#### 0", "Or\n#### 0.0")),
        (("10", "10.0"), ("So it is 10.\n#### 10", "Or\n#### 10.0")),
    ]


def test_a_list_of_targets_is_several_references(task):
    made = task(rows(q="Q", a=lambda n: [f"A {n}", f"B {n}"]))
    assert [question.references for question in made.questions] == [("A 0", "B 0"), ("A 10", "B 10")]
    assert len(made.training) == 18


# Prompts


def test_the_prompt_of_a_row_is_the_first_whose_columns_it_has_all(task):
    about = rows(question="Q", answer="A", context=lambda n: "" if n else "Leeds is red.")
    prompts = [question.prompt for question in task(about, name="answer").questions]
    assert prompts == [
        "Answer the question about the text.\n\nLeeds is red.\n\nQuestion: Q 0\n\nAnswer: ",
        "Answer the question.\n\nQuestion: Q 10\n\nAnswer: ",
    ]


def test_a_column_that_every_prompt_names_may_not_be_empty(table):
    asked = table(rows(q="Q", a="A", hint=lambda n: "" if n == 3 else "H"), **{**NEW, "prompt": "{hint} {source}"})
    assert "row 4: hint is empty" in refusal(asked)


def test_a_row_without_the_texts_of_any_prompt_is_told(table):
    prompts = ["{one} {source}", "{two} {source}"]
    asked = table(
        rows(q="Q", a="A", one=lambda n: "" if n == 3 else "1", two=lambda _: ""), **{**NEW, "prompt": prompts}
    )
    assert "row 4: has none of the texts that one of the prompts needs" in refusal(asked)


def test_languages_are_values_or_columns(task):
    values = {"source_lang": "English", "target_lang": "German"}
    columns = {"source": "en", "target": "de"}
    expected = "Translate from English to German.\n\nThe car 0\n\nTranslation: "
    made = task(rows(en="The car", de="Das Auto"), name="translate", columns=columns, values=values)
    assert made.questions[0].prompt == expected
    both = rows(en="The car", de="Das Auto", source_lang=lambda _: "English", target_lang=lambda _: "German")
    assert task(both, name="translate", columns=columns).questions[0].prompt == expected


def test_the_frame_of_prompts_is_what_all_of_them_have_around_their_texts(task):
    values = {"source_lang": "A", "target_lang": "B"}
    translated = task(rows(source="S", target="T"), name="translate", values=values)
    assert translated.prompt.source(translated.questions[0].prompt) == "S 0"
    composed = task(rows(q="Q", a="A", hint="H"), prompt="Read: {hint}\n{source}\nAnswer: ")
    assert composed.prompt.source(composed.questions[0].prompt) == "H 0\nQ 0"
    assert composed.prompt.fill("H 0\nQ 0") == composed.questions[0].prompt


def test_the_source_of_a_prompt_is_found_whichever_of_several_it_is(task):
    about = rows(question="Q", answer="A", context=lambda n: "" if n else "Leeds is red.")
    made = task(about, name="answer")
    prompts = [question.prompt for question in made.questions]
    assert [made.prompt.source(prompt) for prompt in prompts] == ["Leeds is red.\n\nQuestion: Q 0", "Q 10"]
    assert [made.prompt.fill(made.prompt.unfilled(prompt)) for prompt in prompts] == prompts


def test_the_longest_text_of_a_prompt_is_cut_and_the_others_stay_whole(task):
    about = rows(q="Who is it?", a="A", text=lambda _: "It is Ann. " * 9)
    question = task(about, prompt="{text}\n\n{source}\n", max_source_tokens=40).questions[0]
    assert question.truncated
    assert question.prompt.endswith("\n\nWho is it? 0\n")
    assert question.prompt.startswith("It is Ann. It is")
    assert 35 < len(question.prompt.encode()) <= 39


# Questions


def test_rows_are_one_question_if_all_texts_of_their_prompts_are_the_same(task):
    twice = [*rows(q="Q", a="A", hint="H"), {"q": "Q 0", "a": "B", "hint": "H 0"}, {"q": "Q 0", "a": "C", "hint": "I"}]
    assert task(twice, prompt="{hint} {source}").questions[0].references == ("A 0", "B")
    assert task(twice).questions[0].references == ("A 0", "B", "C")


def test_the_hash_of_the_data_has_all_texts_of_the_prompts_in_it(task):
    one, other = rows(q="Q", a="A", hint="H"), rows(q="Q", a="A", hint="I")
    assert task(one).hash == task(other).hash
    assert task(one, prompt="{hint} {source}").hash != task(other, prompt="{hint} {source}").hash


def test_leakage_is_about_all_texts_of_a_prompt(table):
    asked = table([{"q": "Why?", "a": f"A {n}", "text": f"{n} " * 30} for n in range(11)], prompt="{text} {source}")
    splits = data.load(asked)
    found = leakage.measure(*([row.asked for row in splits[split]] for split in ("train", "test")))
    assert (found.test, found.exact) == (2, 0)


# Answers


def test_references_are_read_as_answers_are_and_targets_stay_whole(task):
    sums = rows(q="Sum", a=lambda n: f"{n} + {n}\n#### {2 * n}")
    made = task(sums, extract=r"####\s*(.+)")
    assert [question.references for question in made.questions] == [("0",), ("20",)]
    assert BYTES.tokenizer.decode(made.training[0].target.tolist(), skip_special_tokens=True) == "1 + 1\n#### 2"


def test_a_target_that_nothing_can_be_read_from_is_a_bad_row(table):
    sums = rows(q="Sum", a=lambda n: "none" if n == 4 else f"#### {n}")
    asked = table(sums, **{**NEW, "extract": r"####\s*(.+)"})
    assert "row 5: a has no match for task.extract; fix it, or set task.skip_bad_rows = true" in refusal(asked)
    assert data.read(asked.model_copy(update={"skip_bad_rows": True})).skipped == 1


@pytest.mark.parametrize("skips", [False, True])
def test_a_pattern_that_matches_no_target_at_all_is_told_with_the_first_one(skips, table):
    asked = table(PLAIN, **{**NEW, "extract": r"=\s*(\d+)", "skip_bad_rows": skips})
    assert "rows.jsonl: task.extract: '=\\\\s*(\\\\d+)' matches no a; the first is 'Answer 0'" in refusal(asked)


def test_a_target_that_is_none_of_the_labels_is_a_bad_row(table):
    kinds = rows(text="T", label=lambda n: ["yes", "no"][n % 2])
    asked = table(kinds, name="classify", labels=["yes", "maybe"])
    assert "row 2: label 'no' is none of task.labels (the first of 5 bad rows)" in refusal(asked)


READINGS = [
    (Reading(), " as it is\n", " as it is\n"),
    (Reading(extract=r"#### (.+)"), "so\n#### 42 \n#### 43", "42"),
    (Reading(extract=r"#### (.*)"), "#### ", None),
    (Reading(extract=r"(a)|b"), "b", None),
    (Reading(extract=r"#### (.+)"), "42", None),
]


@pytest.mark.parametrize(("reading", "text", "read"), READINGS)
def test_what_counts_of_an_answer_is_read_and_anything_else_is_invalid(reading, text, read):
    assert reading.read(text) == read


def test_an_answer_that_is_none_of_the_labels_is_invalid():
    assert [Reading().read(text, ("yes", "no")) for text in (" YES\n", "Yes.")] == ["yes", None]
    digit = Reading(extract=r"(\d)")
    assert [digit.read(text, ("1", "2")) for text in ("It is 2.", "It is 3.")] == ["2", None]


def test_an_answer_ends_before_the_first_of_the_texts_that_end_it():
    reading = Reading(stop=("\n\n", "Q:"))
    assert reading.ended("It is red. Q: And?\n\nA") == "It is red."
    assert reading.ended("It is red.\n") == "It is red.\n"


# Labels


def kinds(*labels):
    return rows(text="Text", label=lambda n: labels[n % len(labels)])


def test_labels_are_found_in_all_training_targets_also_in_those_that_the_suite_does_not_train_on(task):
    made = task(kinds("b", "a", "c"), name="classify", train_rows=1)
    assert (made.chooses, made.labels) == (True, ("a", "b", "c"))


def test_a_test_target_that_is_no_training_target_is_told(table):
    odd = [*kinds("a", "b")[:10], {"text": "Text 10", "label": "c"}]
    with pytest.raises(DataError, match="row with id 11 is to be answered, but its target 'c' is none of the 2 labels"):
        checked(table(odd, name="classify"))


def test_a_single_label_is_nothing_to_choose_from(task):
    with pytest.raises(DataError, match="needs two labels, but every training target is a"):
        task(kinds("a"), name="classify")


def test_what_is_known_about_answers_comes_back_from_the_disk(task, tmp_path):
    made = task(kinds("a", "b"), name="classify")
    prepared.save(made, tmp_path / "prepared")
    again = prepared.load(tmp_path / "prepared", BYTES)
    assert (again.labels, again.chooses, again.prompt) == (("a", "b"), True, made.prompt)
    read = task(PLAIN, stop="\n", extract="(.+)")
    prepared.save(read, tmp_path / "read")
    assert prepared.load(tmp_path / "read", BYTES).reading == read.reading


READS = """
from harness.task import Task


class Sums(Task):
    def read(self, answer):
        return {}
"""


@pytest.mark.parametrize("there", ["changed", "gone"])
def test_a_saved_task_reads_answers_by_the_code_that_it_was_made_with(there, task, tmp_path):
    path = tmp_path / "code" / "sums.py"
    path.parent.mkdir()
    path.write_text(READS.format("answer.lower()"))
    prepared.save(replace(task(PLAIN), reading=Reading(code=str(path))), tmp_path / "prepared")
    assert prepared.load(tmp_path / "prepared", BYTES).reading.code == str(path)
    path.write_text(READS.format("'another'")) if there == "changed" else path.unlink()
    reading.hooks.cache_clear()
    assert prepared.load(tmp_path / "prepared", BYTES).reading.read("SEVEN") == "seven"
