"""A task of a user's own is a file: a table as in a suite, or a class. It is found by path, by folder, or installed."""

import pytest

from harness.spec import plan, registry, suite, suite_file, task_files
from harness.spec.errors import DataError, PluginError, SuiteError
from harness.spec.suite import TaskTable
from harness.tasks import data, definition, reading

TABLE = '[task]\ncolumns = { source = "q", target = "a" }\nprompt = "{hint}: {source}"\nmax_target_tokens = 9\n'
CODE = """
from harness.task import Task

class Sums(Task):
    columns = {"source": "sum", "target": "result"}
    prompt = "{source} = "
    labels = ["even", "odd"]
    max_target_tokens = 9

    def row(self, values):
        if values["a"] is None:
            return None
        return {"sum": f"{values['a']} + {values['a']}", "result": f"{2 * values['a']}"}

    def read(self, answer):
        return ["even", "odd"][int(answer) % 2] if answer.isdecimal() else None
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """``load(name, keys, folders)``: the suite whose task has this name, read in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def read(name, keys="", folders=()):
        path = tmp_path / "suite.toml"
        path.write_text(f'[task]\nname = "{name}"\n{keys}\n[budget]\nmax_steps = 1\n[run]\nmethods = ["lora"]\n')
        return suite.load(str(path), task_folders=folders)

    return read


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_is_taken_into_the_suite_that_names_it(load, tmp_path):
    write(tmp_path / "mine.toml", TABLE)
    table = load("mine.toml").task
    assert table == TaskTable(
        name="mine", columns={"source": "q", "target": "a"}, prompt="{hint}: {source}", max_target_tokens=9
    )


def test_what_the_suite_says_itself_goes_first_and_columns_one_by_one(load, tmp_path):
    write(tmp_path / "mine.toml", TABLE)
    table = load("mine.toml", 'columns = { source = "question" }\nmax_target_tokens = 20').task
    assert table.columns == {"source": ("question",), "target": ("a",)}
    assert (table.prompt, table.max_target_tokens) == (("{hint}: {source}",), 20)


def test_a_suite_with_such_a_task_needs_the_file_no_more_when_it_is_written_down(load, tmp_path):
    one = load(write(tmp_path / "mine.toml", TABLE).name)
    (tmp_path / "mine.toml").unlink()
    again = suite_file.write(tmp_path / "elsewhere" / "suite.toml", suite_file.tables(one))
    assert suite.load(str(again)).task == one.task


def test_a_task_is_found_in_a_folder_by_its_name(load, tmp_path):
    write(tmp_path / "tasks" / "mine.toml", TABLE)
    assert load("mine", folders=[tmp_path / "tasks"]).task.name == "mine"


def test_a_task_of_an_installed_package_is_found_through_its_entry_point(load, tmp_path, monkeypatch):
    write(tmp_path / "site" / "their_tasks" / "__init__.py", "")
    write(tmp_path / "site" / "their_tasks" / "theirs.toml", TABLE)
    write(
        tmp_path / "site" / "theirs-1.0.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n"
    )
    write(tmp_path / "site" / "theirs-1.0.dist-info" / "entry_points.txt", "[tuneoff.tasks]\ntheirs = their_tasks\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert load("theirs").task.prompt == ("{hint}: {source}",)


def test_a_file_may_build_on_a_built_in_task(load, tmp_path):
    write(tmp_path / "short.toml", '[task]\nname = "summarize"\nprompt = "In one line: {source}\\n"\n')
    table = load("short.toml").task
    assert (table.name, table.prompt) == ("summarize", ("In one line: {source}\n",))
    assert task_files.completed(table).columns == task_files.built_in()["summarize"].columns


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mine.toml", "", "mine.toml: has no [task]; a task's file has the same form as the [task] of a suite"),
        ("mine.toml", "[task", "mine.toml: not valid TOML"),
        (
            "mine.toml",
            "[task]\npromt = 3\n",
            "mine.toml: task.promt: unknown key 'task.promt'; did you mean 'task.prompt'",
        ),
        ("mine.toml", f"{TABLE}[budget]\n", "mine.toml: budget: unknown key 'budget'. Known: task"),
        (
            "mine.toml",
            '[task]\ncolumns = { source = "q", target = "a" }\n',
            "mine.toml: task.prompt: task 'mine' has none",
        ),
        ("mine.toml", '[task]\nname = "sums"\n', "mine.toml: task.name: unknown built-in task 'sums'"),
        ("answer.toml", TABLE, "answer.toml: answer is the name of a built-in task; rename the file, or write name ="),
        ("mine.py", "", "mine.py: needs exactly one class derived from harness.task.Task, found none"),
        ("mine.py", "1 +\n", "mine.py:1: invalid syntax"),
        ("mine.py", "import nothing_at_all\n", "mine.py:1: cannot be imported: ModuleNotFoundError"),
        ("mine.py", CODE.replace("prompt =", "promt ="), "mine.py: Sums.promt: no such key; did you mean 'prompt'?"),
        ("mine.py", CODE.replace('"{source} = "', "3"), "mine.py: task.prompt: Input should be a valid tuple (got 3)"),
        ("mine.py", CODE.replace("row(self, values)", "row(self)"), "mine.py: Sums: row() must take one argument"),
        (
            "mine.py",
            CODE.replace("    def read(self, answer)", "    @staticmethod\n    def read(self, answer)"),
            "mine.py: Sums: read(self, answer) must take one argument, beside self in a method",
        ),
        (
            "mine.py",
            CODE.replace("def read(self, answer)", "def read(self, answer, *, strict)"),
            "mine.py: Sums: read(answer, *, strict) must take one argument",
        ),
        ("mine.py", f"{CODE}\n    row = 3\n", "mine.py: Sums: row is no function but int"),
        (
            "mine.py",
            CODE.replace("def row(", "async def row("),
            "mine.py: Sums: row() must return its result; it cannot be asynchronous",
        ),
        (
            "mine.py",
            f"{CODE}\n    def __init__(self, path):\n        self._path = path\n",
            "mine.py: Sums() cannot be made: TypeError: ",
        ),
    ],
)
def test_a_file_that_defines_no_task_is_told_by_name_and_key(name, content, said, load, tmp_path):
    write(tmp_path / name, content)
    with pytest.raises((SuiteError, PluginError)) as caught:
        load(name)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_told(load, tmp_path):
    with pytest.raises(SuiteError, match=r"task\.name: mine\.toml: no such file"):
        load("mine.toml")
    with pytest.raises(SuiteError, match=r"task_paths: .*nowhere: no such file or folder; correct it in pytest's ini"):
        load("mine", folders=[tmp_path / "nowhere"])


def test_two_files_of_one_name_and_one_of_a_built_in_name_are_refused(load, tmp_path):
    for folder in ("one", "two"):
        write(tmp_path / folder / "mine.toml", TABLE)
    with pytest.raises(
        SuiteError, match=r"two tasks are called 'mine': .*/one/mine\.toml and .*/two/mine\.toml; rename"
    ):
        load("mine", folders=[tmp_path / "one", tmp_path / "two"])
    write(tmp_path / "one" / "answer.toml", TABLE)
    with pytest.raises(SuiteError, match=r"two tasks are called 'answer': .*/one/answer\.toml and a built-in task"):
        load("answer", folders=[tmp_path / "one"])


# A task in Python


@pytest.fixture
def coded(load, tmp_path, monkeypatch):
    """The suite of a task in Python, whose data are twenty numbers and a row without one."""
    write(tmp_path / "tasks" / "sums.py", CODE)
    write(tmp_path / "numbers.jsonl", "".join(f'{{"a": {n}}}\n' for n in (*range(20), "null")))
    return load("sums", 'data = "numbers.jsonl"', [tmp_path / "tasks"])


def test_the_attributes_of_its_class_are_keys_of_the_suite(coded):
    assert coded.task == TaskTable(
        name="tasks/sums.py",
        data="numbers.jsonl",
        columns={"source": "sum", "target": "result"},
        prompt="{source} = ",
        labels=("even", "odd"),
        max_target_tokens=9,
    )


def test_its_code_makes_the_rows_leaves_some_out_and_reads_answers(coded):
    rows = data.load(coded.task)
    assert [len(rows[split]) for split in ("train", "test")] == [18, 2]
    assert (rows["test"][1].source, rows["test"][1].target) == ("10 + 10", "20")
    read = definition.of(coded.task).read
    assert [read(text) for text in (" 7", "8", "seven")] == ["odd", "even", None]


@pytest.mark.parametrize("kind", ["classmethod", "staticmethod"])
def test_its_functions_need_no_self(kind, coded, tmp_path):
    path, own = tmp_path / "tasks" / "sums.py", "cls, " if kind == "classmethod" else ""
    code = CODE.replace("(self, ", f"({own}").replace("    def ", f"    @{kind}\n    def ")
    path.write_text(code)
    reading.hooks.cache_clear()
    rows = data.load(coded.task)
    assert (rows["test"][1].source, rows["test"][1].target) == ("10 + 10", "20")
    assert definition.of(coded.task).read("8") == "even"


def test_the_hash_of_its_file_is_part_of_its_runs(coded, tmp_path):
    before = plan.runs(coded, registry.discover())[0]
    (tmp_path / "tasks" / "sums.py").write_text(f"{CODE}\n# changed\n")
    after = plan.runs(coded, registry.discover())[0]
    assert before.hash != after.hash
    assert before.question != after.question


def test_its_path_holds_wherever_the_suite_is_read_from(coded, tmp_path):
    assert suite_file.tables(coded)["task"]["name"] == str(tmp_path / "tasks" / "sums.py")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('values["a"] is None', 'values["b"] is None', r"row 1: row\(\) of .*sums\.py raised KeyError: 'b'"),
        ("return {", "return [", r"row 1: row\(\) of .*sums\.py returned str; it must return a mapping or None"),
        ('"sum": f', '"summ": f', "no column 'sum'; it has summ, result; did you mean 'summ'?"),
        ("if answer.isdecimal() else None", "if answer == '2' else None", "row 1: result '0' is none of task.labels"),
    ],
)
def test_a_mistake_in_its_code_is_told_with_the_row(old, new, said, load, coded, tmp_path):
    changed = CODE.replace(old, new)
    if new == "return [":
        changed = CODE.replace('return {"sum"', 'return "sum" or {"sum"')
    write(tmp_path / "others" / "wrong.py", changed.replace("sums", "wrong"))
    table = load("wrong", 'data = "numbers.jsonl"', [tmp_path / "others"]).task
    with pytest.raises(DataError, match=said.replace("sums", "wrong")):
        data.load(table)
