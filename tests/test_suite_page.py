"""``docs/suite.md`` has every suite and every key, and the suites to copy on any page work."""

import re
import tomllib

import pytest

from harness.metrics.built_in import SCORERS
from harness.spec import suite
from support import pages

PAGE = pages.text(pages.SUITE)
(ALL_KEYS,) = pages.blocks(pages.SUITE, "toml")
TO_COPY = (*pages.blocks(pages.README, "toml"), *pages.blocks(pages.GUIDE, "toml"))
TABLES = {
    "task": suite.TaskTable,
    "model": suite.ModelTable,
    "budget": suite.Budget,
    "evaluation": suite.Evaluation,
    "search": suite.SearchTable,
    "run": suite.RunTable,
}
WORDS_FOR_NONE = ("all", "none", "one", "batch_size", "the task's")  # of a default


@pytest.fixture
def load(tmp_path):
    """Loads a suite from its text."""

    def loaded(text):
        path = tmp_path / "my_suite.toml"
        path.write_text(text)
        return suite.load(str(path))

    return loaded


def test_every_built_in_suite_is_described():
    names = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(names) == suite.built_in()


def test_all_built_in_suites_but_one_run_new_methods():
    without = [name for name in suite.built_in() if not suite.load(name).run.new_methods]
    assert f"All but `{without[0]}` have `new_methods = true`" in PAGE
    assert len(without) == 1


def test_the_suite_with_all_keys_loads(load):
    loaded = load(ALL_KEYS)
    assert (loaded.search.trials, loaded.run.seeds, loaded.methods["lora"]["rank"]) == (3, (0, 1, 2), 16)


def test_the_suite_with_all_keys_names_each_of_them():
    for table in TABLES.values():
        assert [name for name in table.model_fields if not re.search(rf"\b{name}\b", ALL_KEYS)] == []
    options = [name for scorer in SCORERS.values() for name in scorer.options]
    assert [name for name in options if f"\n{name} = " not in ALL_KEYS] == []


@pytest.mark.parametrize("name", TABLES)
def test_the_defaults_in_brackets_are_those_of_the_keys(name):
    part = ALL_KEYS.partition(f"[{name}]")[2].partition("\n[")[0]
    for key, shown in re.findall(r"^(\w+) = .*?# \((.*?)\)", part, re.MULTILINE):
        field = TABLES[name].model_fields.get(key)
        default = field.default if field else suite.AUTO  # of an option of a metric
        known = None if shown in WORDS_FOR_NONE else tomllib.loads(f"value = {shown}")["value"]
        assert (key, known) == (key, list(default) if isinstance(default, tuple) else default)


@pytest.mark.parametrize("text", TO_COPY)
def test_a_suite_to_copy_sets_a_learning_rate_for_every_method_that_trains(load, text):
    loaded = load(text)
    trained = set(loaded.run.methods) - {suite.ZERO_SHOT}
    assert {name for name, values in loaded.methods.items() if "learning_rate" in values} == trained
