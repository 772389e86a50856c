"""What ``docs/your-model-and-data.md`` shows works as it is, and its learning rates are those in use."""

import pytest

from harness.spec import suite
from harness.tasks import data
from support import pages

GUIDE = pages.text(pages.GUIDE)


def test_the_first_suite_searches_and_has_three_seeds(tmp_path):
    path = tmp_path / "my_suite.toml"
    path.write_text(pages.blocks(pages.GUIDE, "toml")[0])
    loaded = suite.load(str(path))
    assert (loaded.search.trials, loaded.run.seeds) == (3, (0, 1, 2))


@pytest.mark.parametrize("name", ["lab", "dialogsum", "smollm2"])
def test_the_learning_rates_of_the_guide_are_those_of_the_suite(name):
    (row,) = [line for line in GUIDE.splitlines() if line.startswith("|") and f"`{name}`" in line]
    methods = suite.load(name).methods
    rates = [methods[method]["learning_rate"] for method in ("full_finetune", "lora")]
    assert [float(cell) for cell in row.split("|")[2:4]] == rates


def test_the_example_row_is_read(tmp_path):
    path = tmp_path / "my_dialogues.jsonl"
    (row,) = pages.blocks(pages.GUIDE, "json")
    path.write_text("".join(row.replace("red", f"red{number}") for number in range(10)))
    splits = data.load(suite.TaskTable(name="dialogsum", data=str(path)))
    assert splits["train"][0].source.splitlines()[1] == "#Person2#: Until Friday."
