"""Suite × methods × seeds → run specs."""

import hashlib
from pathlib import Path

import pytest

from harness.spec import plan, registry, suite
from harness.spec.errors import PluginError
from harness.spec.registry import Plugin
from harness.spec.suite import Budget, RunTable, Suite, TaskTable


@pytest.fixture
def plugins(tmp_path):
    files = {method: tmp_path / f"{method}.py" for method in ("zero_shot", "lora", "full_finetune")}
    for method, path in files.items():
        path.write_text(f"# {method}")
    return {method: Plugin(method, path) for method, path in files.items()}


def small(*methods, seeds=(0,), **changes):
    return Suite(
        name="small",
        task=TaskTable(name="dialogsum", test_rows=7),
        budget=Budget(max_steps=10),
        run=RunTable(methods=methods, seeds=seeds, batch_size=4),
        **changes,
    )


def test_a_request_reads_each_method_file_once_whatever_its_seeds(plugins, monkeypatch):
    read, whole = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.stem) or whole(path))
    asked = plan.request(small("lora", "full_finetune", seeds=(0, 1, 2)), plugins, Path("results"))
    assert (len(asked.runs), sorted(read)) == (9, ["full_finetune", "lora", "zero_shot"])


def test_runs_follow_the_suite_method_by_method_and_seed_by_seed(plugins):
    runs = plan.runs(small("lora", "zero_shot", seeds=(2, 0)), plugins)
    assert [run.name for run in runs] == ["lora-seed2", "lora-seed0", "zero_shot-seed2", "zero_shot-seed0"]


def test_a_suite_that_does_not_name_zero_shot_gets_it_first_with_every_seed(plugins):
    runs = plan.runs(small("lora", seeds=(2, 0)), plugins)
    assert [run.name for run in runs] == ["zero_shot-seed2", "zero_shot-seed0", "lora-seed2", "lora-seed0"]


def test_a_run_asks_for_what_the_suite_says(plugins):
    asked = small("lora")
    run = plan.runs(asked, plugins)[-1]
    assert (run.suite, run.batch_size) == ("small", 4)
    assert (run.task, run.model, run.budget, run.evaluation) == (
        asked.task,
        asked.model,
        asked.budget,
        asked.evaluation,
    )


def test_a_method_gets_its_own_overrides_and_no_others(plugins):
    runs = plan.runs(small("zero_shot", "lora", "full_finetune", methods={"lora": {"rank": 4}}), plugins)
    assert [dict(run.overrides) for run in runs] == [{}, {"rank": 4}, {}]


def test_a_run_holds_the_hash_of_its_methods_file(plugins):
    run = plan.runs(small("lora"), plugins)[-1]
    assert run.source == hashlib.sha256(b"# lora").hexdigest()[:12]


def test_editing_a_method_makes_another_run_of_it(plugins):
    _, before = plan.runs(small("lora"), plugins)
    plugins["lora"].path.write_text("# lora, better")
    _, after = plan.runs(small("lora"), plugins)
    assert after.hash != before.hash


def test_a_method_that_does_not_exist_stops_the_plan(plugins):
    with pytest.raises(PluginError, match="unknown method 'lroa'; did you mean 'lora'"):
        plan.runs(small("zero_shot", "lroa"), plugins)


@pytest.mark.parametrize("name", suite.built_in())
def test_every_method_of_a_built_in_suite_comes_with_tuneoff(name):
    loaded = suite.load(name)
    assert len(plan.runs(loaded, registry.discover())) == len(loaded.run.methods) * len(loaded.run.seeds)


def test_a_method_that_no_built_in_suite_names_joins_a_suite_that_takes_new_ones(plugins):
    plugins["mine"] = Plugin("mine", plugins["lora"].path)
    for takes, expected in ((True, ("full_finetune", "mine")), (False, ("full_finetune",))):
        asked = small("full_finetune")
        asked = asked.model_copy(update={"run": asked.run.model_copy(update={"new_methods": takes})})
        assert plan.joined(asked, plugins).run.methods == expected
