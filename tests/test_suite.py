"""A suite file says what is wrong with it: the file, the key, what was expected and what was there."""

import pytest

from harness.spec import suite
from harness.spec.errors import SuiteError


@pytest.fixture
def write(tmp_path):
    """Writes a suite file that is right but for the tables that are given, and returns its path."""

    def write_tables(**tables):
        right = {"task": 'name = "dialogsum"', "budget": "max_steps = 10", "run": 'methods = ["lora"]'}
        path = tmp_path / "mine.toml"
        path.write_text("\n".join(f"[{table}]\n{lines}" for table, lines in (right | tables).items()), encoding="utf-8")
        return str(path)

    return write_tables


@pytest.mark.parametrize("name", suite.built_in())
def test_every_built_in_suite_loads_under_its_own_name(name):
    assert suite.load(name).name == name


@pytest.mark.parametrize("value", ["0", '"all"', "1.5", "true"])
def test_a_micro_batch_is_a_number_of_rows_or_what_fits(write, value):
    with pytest.raises(
        SuiteError, match=r'run\.micro_batch_size: should be a whole number of 1 or more, or "auto", not'
    ):
        suite.load(write(run=f'methods = ["lora"]\nmicro_batch_size = {value}'))
    assert suite.load(write(run='methods = ["lora"]\nmicro_batch_size = "auto"')).run.micro_batch_size == "auto"


def test_the_default_suite_is_built_in():
    assert suite.DEFAULT in suite.built_in()


def test_every_built_in_suite_runs_zero_shot():
    assert [name for name in suite.built_in() if "zero_shot" not in suite.load(name).run.methods] == []


def test_every_method_that_smollm2_trains_has_a_rate_for_that_model():
    """The rates in the methods' files are for a T5 of two million parameters."""
    smollm2, untrained = suite.load("smollm2"), {"zero_shot", "lead3", "few_shot"}
    rates = {name for name, values in smollm2.methods.items() if "learning_rate" in values}
    assert rates == {*smollm2.run.methods} - untrained


def test_a_suite_in_a_file_is_named_after_the_file(write):
    assert suite.load(write()).name == "mine"


def test_a_suite_file_cannot_give_itself_another_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "../other"\n[task]\nname = "dialogsum"\n[budget]\nmax_steps = 1\n[run]\nmethods = ["lora"]')
    with pytest.raises(SuiteError, match=r"mine\.toml: name: "):
        suite.load(str(path))


def test_what_a_file_leaves_out_has_the_documented_defaults(write):
    loaded = suite.load(write())
    assert loaded.run.seeds == (0, 1, 2)
    assert loaded.run.batch_size == 16
    assert loaded.model.name == "embedded"
    assert loaded.budget.hard_seconds == 3600


def test_a_file_sets_hyper_parameters_of_a_method_that_runs(write):
    assert suite.load(write(**{"methods.lora": "rank = 4"})).methods == {"lora": {"rank": 4}}


def test_the_limits_of_a_budget_are_those_that_are_set(write):
    limits = suite.load(write(budget="max_steps = 10\nmax_seconds = 2.5")).budget.limits()
    assert limits == {"steps": 10, "seconds": 2.5}


def test_an_unknown_suite_is_answered_with_the_closest_one_and_all_there_are():
    with pytest.raises(SuiteError) as error:
        suite.load("embeded")
    assert "unknown suite 'embeded'; did you mean 'embedded'?" in str(error.value)
    assert f"Known: {', '.join(suite.built_in())}" in str(error.value)


@pytest.mark.parametrize("path", ["nowhere.toml", "folder/nowhere"])
def test_a_path_without_a_file_is_called_a_missing_file_and_not_an_unknown_suite(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SuiteError, match=rf"^{path}: no such suite file$"):
        suite.load(path)


def test_malformed_toml_is_reported_with_file_and_line(write):
    with pytest.raises(SuiteError, match=r"mine\.toml: not valid TOML: .*line 4"):
        suite.load(write(budget="max_steps = "))


def test_a_file_that_is_not_utf_8_is_reported_with_its_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes('[task]\nname = "résumé"'.encode("latin-1"))
    with pytest.raises(SuiteError, match=r"mine\.toml: not valid TOML"):
        suite.load(str(path))


@pytest.mark.parametrize(
    ("table", "lines", "key", "complaint"),
    [
        ("task", 'name = "dialogsum"\nnme = "x"', "task.nme", "unknown key"),
        ("task", "name = 3", "task.name", "valid string (got 3)"),
        ("task", 'data = "embedded"', "task.name", "required"),
        ("task", 'name = "dialogsum"\ntrain_rows = 0', "task.train_rows", "greater than 0 (got 0)"),
        ("task", 'name = "dialogsum"\nchat = "yes"', "task.chat", "(got 'yes')"),
        ("task", 'name = "dialogsum"\nchat = true', "task.chat", "(got True)"),
        ("task", 'name = "dialogsum"\nsystem = " "', "task.system", "is empty; leave out this key"),
        ("task", 'name = "dialogsum"\nmetrics = []', "task.metrics", "names no metric; name at least one, or"),
        ("task", 'name = "dialogsum"\nmetrics = ["bleu", "bleu"]', "task.metrics", "has duplicates"),
        ("task", 'name = "dialogsum"\nmetrics = "bleu"', "task.metrics", "(got 'bleu')"),
        ("task", 'name = "dialogsum"\nmetrics = [1]', "task.metrics.0", "(got 1)"),
        (
            "task",
            'name = "dialogsum"\nchat = false\nsystem = "Be brief."',
            "task",
            "a turn of a chat, but chat is false",
        ),
        ("model", "nam = 1", "model.nam", "unknown key"),
        ("model", 'family = "gpt"', "model.family", "'seq2seq' or 'causal' (got 'gpt')"),
        ("model", 'dtype = "float16"', "model.dtype", "'float32' or 'bfloat16' (got 'float16')"),
        ("model", 'quantization = "int8"', "model.quantization", "'nf4' (got 'int8')"),
        ("budget", "", "budget", "at least one of max_examples, max_steps, max_tokens, max_seconds"),
        ("budget", 'max_steps = "ten"', "budget.max_steps", "valid integer (got 'ten')"),
        ("budget", 'max_steps = "10"', "budget.max_steps", "valid integer (got '10')"),
        ("budget", "max_steps = 10.0", "budget.max_steps", "valid integer (got 10.0)"),
        ("budget", "max_steps = true", "budget.max_steps", "valid integer (got True)"),
        ("budget", "max_steps = -5", "budget.max_steps", "greater than 0 (got -5)"),
        ("budget", "max_seconds = -1.5", "budget.max_seconds", "greater than 0 (got -1.5)"),
        ("budget", 'max_seconds = "60"', "budget.max_seconds", "(got '60')"),
        ("budget", "max_seconds = true", "budget.max_seconds", "(got True)"),
        ("budget", "max_seconds = nan", "budget.max_seconds", "(got nan)"),
        ("budget", "max_seconds = 60\nhard_seconds = 60", "budget", "must be above max_seconds"),
        ("budget", "max_exampels = 10", "budget.max_exampels", "unknown key"),
        ("evaluation", "samples = -1", "evaluation.samples", "greater than or equal to 0 (got -1)"),
        ("evaluation", "floor = nan", "evaluation.floor", "(got nan)"),
        ("evaluation", "num_beam = 4", "evaluation.num_beam", "did you mean 'evaluation.num_beams'?"),
        ("run", "methods = []", "run.methods", "at least 1 item"),
        ("run", 'methods = "lora"', "run.methods", "(got 'lora')"),
        ("run", 'methods = ["lora", "lora"]', "run.methods", "has duplicates"),
        ("run", 'methods = ["lora"]\nseeds = []', "run.seeds", "at least 1 item"),
        ("run", 'methods = ["lora"]\nseeds = [0, 1, 0]', "run.seeds", "has duplicates"),
        ("run", 'methods = ["lora"]\nseeds = [0, -1]', "run.seeds.1", "greater than or equal to 0 (got -1)"),
        ("methods.lroa", "rank = 4", "suite", "[methods.lroa] is for a method that does not run; run.methods has lora"),
        ("methods", "lora = 4", "methods.lora", "(got 4)"),
        ("extra", "x = 1", "extra", "unknown key"),
    ],
)
def test_a_wrong_value_is_reported_with_file_key_and_what_was_there(write, table, lines, key, complaint):
    path = write(**{table: lines})
    with pytest.raises(SuiteError) as error:
        suite.load(path)
    assert str(error.value).startswith(f"{path}: {key}: ")
    assert complaint in str(error.value)


def test_every_mistake_in_a_file_is_reported_at_once(write):
    with pytest.raises(SuiteError) as error:
        suite.load(write(budget="max_steps = -5", run="methods = []"))
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == ["budget.max_steps", "run.methods"]


def test_a_misspelt_key_is_answered_with_the_closest_one(write):
    with pytest.raises(SuiteError, match=r"did you mean 'budget\.max_examples'"):
        suite.load(write(budget="max_exampels = 10"))


def test_an_override_replaces_its_key_and_leaves_the_others(write):
    loaded = suite.load(write(run='methods = ["lora"]\nbatch_size = 4'), {"run": {"seeds": [7, 8]}})
    assert loaded.run.seeds == (7, 8)
    assert loaded.run.batch_size == 4


def test_an_override_may_be_for_a_table_that_the_file_leaves_out(write):
    assert suite.load(write(), {"model": {"name": "google/flan-t5-small"}}).model.name == "google/flan-t5-small"


def test_an_override_is_checked_like_the_file(write):
    with pytest.raises(SuiteError, match=r"run\.seeds: has duplicates"):
        suite.load(write(), {"run": {"seeds": [1, 1]}})


def test_an_override_does_not_hide_that_its_table_is_none(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('run = "lora"\n[task]\nname = "dialogsum"\n[budget]\nmax_steps = 1\n')
    with pytest.raises(SuiteError, match=r"run: .*\(got 'lora'\)"):
        suite.load(str(path), {"run": {"seeds": [0]}})
