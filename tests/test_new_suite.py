"""The first suite for a file is written from what its columns look like, says why, and can be loaded."""

import json

import pytest

from harness.cli import commands
from harness.spec import suite
from harness.spec.errors import UsageError
from harness.spec.suite import TaskTable
from harness.tasks import data, guesses, looks


@pytest.fixture
def new(tmp_path, write, monkeypatch, capsys):
    """``new(rows, name)``: the suite for these rows in a file of that name, and what the command printed."""
    monkeypatch.chdir(tmp_path)

    def make(rows, name="mine.jsonl"):
        write(tmp_path / name, rows)
        commands.main(["new", "suite", name])
        (path,) = tmp_path.glob("*.toml")
        return suite.load(str(path)), capsys.readouterr().out

    return make


def rows(count=40, **columns):
    """Rows with these columns: a text with its row's number in it, or a function of the number."""
    return [
        {name: value(n) if callable(value) else f"{value} {n}" for name, value in columns.items()} for n in range(count)
    ]


LONG = "Somebody wrote a long text about a red car in Leeds"
GUESSES = {
    "dialogsum": (
        rows(dialogue=f"Ann: {LONG}", summary="A car", topic=lambda n: ["car", "cat"][n % 2]),
        {"name": "dialogsum", "columns": {"source": "dialogue", "target": "summary"}},
    ),
    "summarize": (
        rows(article=LONG, highlights="A car"),
        {"name": "summarize", "columns": {"source": "article", "target": "highlights"}},
    ),
    "answer": (
        rows(question="Who", answer="Ann", context=LONG),
        {"name": "answer", "columns": {"source": "question", "target": "answer", "context": "context"}},
    ),
    "answer with a mark": (
        rows(question="How many", answer=lambda n: f"Two and {n}.\n#### {n + 2}"),
        {"name": "answer", "columns": {"source": "question", "target": "answer"}, "extract": r"####\s*(.+)"},
    ),
    "classify": (
        rows(text=LONG, category=lambda n: f"kind_{n % 4}"),
        {"name": "classify", "columns": {"source": "text", "target": "category"}},
    ),
    "classify by other columns": (
        rows(utterance=LONG, verdict=lambda n: ["good", "bad"][n % 2]),
        {"name": "classify", "columns": {"source": "utterance", "target": "verdict"}},
    ),
    "translate": (
        rows(de="Das Auto", en="The car"),
        {
            "name": "translate",
            "columns": {"source": "en", "target": "de"},
            "values": {"source_lang": "English", "target_lang": "German"},
        },
    ),
    "instruct": (
        rows(
            messages=lambda n: [{"role": "user", "content": f"Hi {n}"}, {"role": "assistant", "content": "Hello."}],
            score=lambda n: n,
        ),
        {"name": "instruct", "columns": {"messages": "messages"}},
    ),
    "instructions with an input in some rows": (
        rows(instruction=LONG, input=lambda n: "" if n % 2 else f"Text {n}", output=f"{LONG}, and more of it"),
        {
            "name": "mine",
            "columns": {"source": "instruction", "target": "output"},
            "prompt": ["{source}\n\n{input}\n\nOutput: ", "{source}\n\nOutput: "],
            "metrics": ["rouge"],
        },
    ),
    "short answers of another name": (
        rows(riddle=LONG, solution="Car"),
        {
            "name": "mine",
            "columns": {"source": "riddle", "target": "solution"},
            "prompt": "{source}\n\nSolution: ",
            "metrics": ["exact_match", "token_f1"],
        },
    ),
}

SAYS = ["yes", "no", "maybe"]
GUESSES |= {
    "answers that are true or false": (  # as in BoolQ
        rows(question="Is it red", answer=lambda n: n % 2 == 0, passage=LONG),
        {
            "name": "answer",
            "columns": {"source": "question", "target": "answer", "context": "passage"},
            "answer": "choose",
            "metrics": ["accuracy", "macro_f1"],
        },
    ),
    "answers in a column that no table reads": (  # as in SQuAD
        rows(
            id="q",
            title=lambda n: ["Cars", "Cats"][n % 2],
            context=LONG,
            question="Who",
            answers=lambda n: {"text": [f"Ann {n}"], "answer_start": [n]},
        ),
        {"name": "answer", "columns": {"source": "question", "target": "answers", "context": "context"}},
    ),
    "long answers": (
        rows(question="Why", answer=f"{LONG}, and drove it"),
        {"name": "answer", "columns": {"source": "question", "target": "answer"}, "metrics": ["rouge"]},
    ),
    "a premise and a hypothesis": (  # as in SNLI and MultiNLI
        rows(premise=LONG, hypothesis="It is red", label=lambda n: n % 3, pairID=lambda n: f"{n} e"),
        {
            "name": "classify",
            "columns": {"source": "premise", "target": "label"},
            "prompt": "Classify the following texts.\n\nPremise: {source}\n\nHypothesis: {hypothesis}\n\nLabel: ",
        },
    ),
    "a few hypotheses": (
        rows(premise=LONG, hypothesis=lambda n: ["It is red.", "It is blue."][n % 2], label=lambda n: SAYS[n % 3]),
        {
            "name": "classify",
            "columns": {"source": "premise", "target": "label"},
            "prompt": "Classify the following texts.\n\nPremise: {source}\n\nHypothesis: {hypothesis}\n\nLabel: ",
        },
    ),
    "pairs of sentences": (
        rows(sentence1=LONG, sentence2=f"{LONG}, and more", label=lambda n: n % 2, idx=lambda n: n),
        {
            "name": "classify",
            "columns": {"source": "sentence1", "target": "label"},
            "prompt": "Classify the following texts.\n\nSentence1: {source}\n\nSentence2: {sentence2}\n\nLabel: ",
        },
    ),
    "a title in some rows": (
        rows(title=lambda n: f"A title {n}" if n % 2 else "", body=LONG, label=lambda n: SAYS[n % 3]),
        {
            "name": "classify",
            "columns": {"source": "body", "target": "label"},
            "prompt": [
                "Classify the following texts.\n\nTitle: {title}\n\nBody: {source}\n\nLabel: ",
                "Classify the following texts.\n\nBody: {source}\n\nLabel: ",
            ],
        },
    ),
    "stars of a review": (
        rows(
            review_id=lambda n: f"r{n}",
            product=lambda n: f"P{n % 8}",
            stars=lambda n: n % 5 + 1,
            review_body=LONG,
            language=lambda n: ["en", "de"][n % 2],
        ),
        {"name": "classify", "columns": {"source": "review_body", "target": "stars"}},
    ),
    "few rows with a column that is called as a label": (
        rows(12, text=LONG, label=lambda n: f"kind {n % 4}"),
        {"name": "classify", "columns": {"source": "text", "target": "label"}},
    ),
    "numbers with the names of labels": (
        rows(text=LONG, label=lambda n: n % 2, label_text=lambda n: ["good", "bad"][n % 2]),
        {"name": "classify", "columns": {"source": "text", "target": "label_text"}},
    ),
    "labels with a mark": (
        rows(text=LONG, label=lambda n: f"#### {n % 2}"),
        {"name": "classify", "columns": {"source": "text", "target": "label"}},
    ),
    "a reason that gives the label away": (
        rows(text=LONG, explanation_1="Since it is red", label=lambda n: SAYS[n % 3]),
        {"name": "classify", "columns": {"source": "text", "target": "label"}},
    ),
    "multiple choice by letters": (
        rows(question="Who", A="Ann", B="Bob", C="Cy", answer=lambda n: "ABC"[n % 3]),
        {
            "name": "mine",
            "columns": {"source": "question", "target": "answer"},
            "prompt": "{source}\n\nA) {A}\nB) {B}\nC) {C}\n\nAnswer: ",
            "answer": "choose",
            "metrics": ["accuracy", "macro_f1"],
        },
    ),
    "multiple choice by numbers from 0": (
        rows(premise=LONG, choice1="It is red", choice2="It is blue", label=lambda n: n % 2),
        {
            "name": "mine",
            "columns": {"source": "premise", "target": "label"},
            "prompt": "{source}\n\n0) {choice1}\n1) {choice2}\n\nAnswer: ",
            "answer": "choose",
            "metrics": ["accuracy", "macro_f1"],
        },
    ),
    "multiple choice about a text, with choices in a list": (
        rows(article=LONG, question="Who", options=lambda n: [f"Ann {n}", "Bob"], answer=lambda n: "AB"[n % 2]),
        {
            "name": "mine",
            "columns": {"source": "question", "target": "answer"},
            "prompt": "{article}\n\n{source}\n\n{options}\n\nAnswer: ",
            "answer": "choose",
            "metrics": ["accuracy", "macro_f1"],
        },
    ),
    "pairs with a score": (
        rows(sentence1=LONG, sentence2="A car", score=lambda n: n / 7),
        {
            "name": "mine",
            "columns": {"source": "sentence1", "target": "score"},
            "prompt": "{source}\n\nScore: ",
            "metrics": ["exact_match", "token_f1"],
        },
    ),
    "problems with a solution and a kind": (
        rows(problem="Add", solution=f"{LONG}, or two", type=lambda n: ["Algebra", "Sets"][n % 2]),
        {
            "name": "mine",
            "columns": {"source": "problem", "target": "solution"},
            "prompt": "{source}\n\nSolution: ",
            "metrics": ["rouge"],
        },
    ),
    "answers that are better and worse": (
        rows(prompt="Write", chosen=LONG, rejected=f"{LONG}, which is worse"),
        {
            "name": "mine",
            "columns": {"source": "prompt", "target": "chosen"},
            "prompt": "{source}\n\nChosen: ",
            "metrics": ["rouge"],
        },
    ),
    "instructions with a context in few rows": (
        rows(
            instruction="Write",
            context=lambda n: None if n % 3 else LONG,
            response=LONG,
            category=lambda n: ["open", "closed"][n % 2],
        ),
        {
            "name": "mine",
            "columns": {"source": "instruction", "target": "response"},
            "prompt": ["{source}\n\n{context}\n\nResponse: ", "{source}\n\nResponse: "],
            "metrics": ["rouge"],
        },
    ),
}


@pytest.mark.parametrize("kind", GUESSES)
def test_the_task_is_guessed_from_the_columns(kind):
    examples, expected = GUESSES[kind]
    guess = guesses.guess(looks.of([*examples[0]], examples), "mine")
    found = {key: [*value] if isinstance(value, tuple) else value for key, value in guess.keys.items()}
    assert found == expected
    assert guess.why["name"]


def test_the_suite_is_written_and_what_is_guessed_is_printed_with_the_reason(new, tmp_path):
    made, told = new(GUESSES["summarize"][0])
    assert made.task.columns == {"source": ("article",), "target": ("highlights",)}
    assert (made.task.data, made.name) == ("mine.jsonl", "mine")
    assert (made.task.max_source_tokens, made.task.max_target_tokens, made.evaluation.max_new_tokens) == (64, 32, 32)
    assert (made.budget.max_examples, made.run.methods) == (36, ("zero_shot", "lora", "full_finetune"))
    assert told.splitlines()[0] == f"wrote {tmp_path / 'mine.toml'}"
    assert 'task.name = "summarize": it has columns called article and highlights' in told
    assert "task.max_target_tokens = 32: 99% of highlights have at most about 3 tokens" in told
    assert "not ready" not in told
    lines = (tmp_path / "mine.toml").read_text().splitlines()
    assert 'name = "summarize"  # it has columns called article and highlights' in lines


def test_columns_prompt_metrics_and_limits_are_printed_with_what_is_not_used(new):
    examples = [{**row, "score": n / 7} for n, row in enumerate(GUESSES["a premise and a hypothesis"][0])]
    made, told = new(examples)
    lines = dict(line.split(": ", 1) for line in told.splitlines()[1:])
    columns = 'task.columns = { source = "premise", target = "label" }'
    assert lines[columns] == "prompts are made from premise and hypothesis, and label is the target; not used: score"
    (prompt,) = made.task.prompt
    assert "Hypothesis: {hypothesis}" in prompt
    assert any(line.startswith("task.prompt = ") and "Hypothesis" in line for line in told.splitlines())
    assert 'task.metrics = ["accuracy", "macro_f1"]' in lines
    for key in ("task.max_source_tokens", "task.max_target_tokens", "budget.max_examples", "evaluation.max_new_tokens"):
        assert any(line.startswith(f"{key} = ") for line in lines), key
    assert "mine.jsonl: label has whole numbers, which count as text" in told


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("answers that are true or false", "answer is not text but bool; write texts, or compute them in a task in"),
        ("answers in a column that no table reads", "answers is not text but dict; write texts, or compute them"),
        ("multiple choice about a text, with choices in a list", "options is not text but list; write texts, or"),
    ],
)
def test_a_column_that_no_table_reads_is_named_with_the_next_step(kind, said, new):
    _, told = new(GUESSES[kind][0])
    assert f"not ready to run: mine.jsonl: row 1: {said}" in told


def test_the_test_rows_of_sorted_data_are_not_limited(tmp_path, new):
    sorted_rows = rows(6000, text="A text", label=lambda n: ["bad", "good"][n // 3000])
    made, told = new(sorted_rows)
    assert made.task.test_rows is None
    assert "task.test_rows: not set: at 500, the 500 of 600 test rows that are used have 2 of 2 different" in told
    assert "# test_rows: not set" in (tmp_path / "mine.toml").read_text()


def test_the_test_rows_of_shuffled_data_are_limited(new):
    made, told = new(rows(6000, text="A text", label=lambda n: SAYS[n % 7 % 3]))
    assert made.task.test_rows == 500
    assert "task.test_rows = 500: the first of 600, to begin with" in told


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet", "mine.train.jsonl"])
def test_files_of_any_kind_are_looked_at(name, new):
    made, _ = new(GUESSES["summarize"][0], name)
    assert (made.task.data, made.task.name) == (name, "summarize")
    assert made.name == name.rpartition(".")[0].replace(".", "_")


def test_a_folder_is_looked_at_in_all_its_files(tmp_path, write, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split, count in (("train", 30), ("test", 600)):
        write(tmp_path / "mine" / f"{split}.csv", rows(count, article=LONG, highlights="A car"))
    commands.main(["new", "suite", "mine"])
    made = suite.load("mine.toml")
    assert (made.task.data, made.task.test_rows, made.budget.max_examples) == ("mine", 500, 30)


def test_texts_for_a_comment_and_for_toml_are_written_as_they_must_be(new):
    made, _ = new(rows(**{'the\n"long" one': LONG, "the {short}": "Car"}))
    assert made.task.columns == {"source": ('the\n"long" one',), "target": ("the {short}",)}
    assert made.task.templates[0].filled({"source": "It."}) == "It.\n\nThe {short}: "


@pytest.mark.parametrize(
    "name", ['"', "\\", "a\tb", "a\nb", "bell\x07", "delete\x7f", "\x1b[31mred", "größer 🙂", "a#b = 1", "{x}"]
)
def test_columns_of_any_name_are_written_and_read_back(name, new, tmp_path):
    made, told = new(rows(**{name: LONG, f"{name} 2": "Car"}))
    assert made.task.columns == {"source": (name,), "target": (f"{name} 2",)}
    assert "not ready" not in told
    assert told.replace("\n", "").isprintable()


def test_what_is_said_of_a_column_of_any_name_can_be_printed(new):
    _, told = new(rows(text=LONG, **{"\x1b[31mred": lambda n: n % 2}))
    assert "red has whole numbers, which count as text" in told
    assert told.replace("\n", "").isprintable()


def test_a_column_that_no_toml_file_can_name_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows(**{"a\ud800": LONG, "b": "Car"}))
    )
    with pytest.raises(SystemExit, match=r"'a\\ud800': has half a character"):
        commands.main(["new", "suite", "mine.jsonl"])
    assert not list(tmp_path.glob("*.toml"))


def test_a_file_that_is_there_is_never_overwritten(new, tmp_path):
    (tmp_path / "mine.toml").write_text("mine")
    with pytest.raises(SystemExit, match=r"mine\.toml: exists already; move it away"):
        new(GUESSES["summarize"][0])
    assert (tmp_path / "mine.toml").read_text() == "mine"


def test_what_is_wrong_with_the_data_is_told_beside_the_suite(new):
    _, told = new([*GUESSES["summarize"][0], {"article": LONG, "highlights": ""}])
    assert "not ready to run: mine.jsonl: row 41: highlights is empty; fix it, or set task.skip_bad_rows" in told


def test_a_suite_is_not_called_as_one_that_comes_with_tuneoff(new):
    made, _ = new(GUESSES["summarize"][0], "smoke.jsonl")
    assert made.name == "smoke_suite"


def test_a_suite_for_a_file_that_is_called_as_a_split_has_the_name_of_its_folder(new, tmp_path):
    (tmp_path / "claims").mkdir()
    made, _ = new(GUESSES["summarize"][0], "claims/train.jsonl")
    assert (made.name, made.task.data) == ("claims", "claims/train.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nothing.jsonl", None, "data 'nothing.jsonl': no such file or folder"),
        ("some/data", None, "data 'some/data': no such file or folder; a data set of the hub must be downloaded first"),
        ("numbers.jsonl", [{"a": 1, "b": 2.5}] * 3, "no two columns look like a source and a target; it has a, b"),
        (
            "pairs.jsonl",
            [{"translation": {"en": "Hi.", "de": "Hallo."}}] * 3,
            "it has translation; translation has values of the type dict, of which a task in Python can make texts",
        ),
        ("one.jsonl", [{"text": "Hello."}] * 3, "no two columns look like a source and a target; it has text"),
    ],
)
def test_what_no_suite_can_be_written_for_is_told(name, content, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in content))
    with pytest.raises(SystemExit) as ended:
        commands.main(["new", "suite", name])
    assert said in str(ended.value)
    assert not list(tmp_path.glob("*.toml"))


def test_a_folder_without_a_test_split_is_told_to_name_one_file(tmp_path, write, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split in ("train", "validation"):
        write(tmp_path / "mine" / f"{split}.jsonl", GUESSES["summarize"][0])
    with pytest.raises(
        SystemExit, match="mine: no rows for test; found train, validation; add a file called test, or name"
    ):
        commands.main(["new", "suite", "mine"])


def test_the_embedded_data_have_columns_for_questions_and_for_decisions():
    about = {"source": "question", "target": "answer", "context": "dialogue"}
    asked = data.load(TaskTable(name="answer", columns=about))["test"][0]
    assert asked.target.lower() in asked.others["context"].lower()
    decided = data.load(TaskTable(name="classify", columns={"source": "dialogue", "target": "granted"}))
    assert {row.target for row in decided["train"]} == {"yes", "no"}
    with pytest.raises(UsageError, match="embedded: no column 'text' or 'sentence'; it has id, dialogue, summary"):
        data.check(TaskTable(name="classify"))
