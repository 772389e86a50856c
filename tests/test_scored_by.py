"""A task has the metrics that its suite names, or else its usual ones."""

from contextlib import nullcontext

import pytest

from harness.session import checks
from harness.spec import plan, registry
from harness.spec.errors import SuiteError
from harness.spec.registry import Plugin
from harness.spec.suite import Budget, RunTable, Suite, TaskTable
from harness.tasks import scored_by


def table(*metrics, name="dialogsum"):
    return TaskTable(name=name, metrics=metrics or None)


def request(tmp_path, *metrics, **own):
    suite = Suite(name="s", task=table(*metrics), budget=Budget(max_steps=1), run=RunTable(methods=("lora",)))
    plugins = {name: Plugin(name, path) for name, path in own.items()}
    return plan.request(suite, registry.discover(), tmp_path, metrics=plugins)


def test_without_the_key_a_task_has_its_usual_metrics_and_is_stored_as_ever():
    assert scored_by.scoring_of(table()).ids == ("rouge1", "rouge2", "rougeL", "rougeLsum")
    assert "metrics" not in table().model_dump()


def test_the_first_metric_that_a_suite_names_is_the_first():
    assert scored_by.scoring_of(table("bleu", "rougeL")).ids == ("bleu", "rougeL")
    assert table("bleu", "rougeL").model_dump(mode="json")["metrics"] == ["bleu", "rougeL"]


def test_a_task_that_does_not_exist_has_no_metrics():
    with pytest.raises(SuiteError, match=r"task\.name: unknown task 'dialogsun'; did you mean 'dialogsum'"):
        scored_by.names(table("bleu", name="dialogsun"))


def test_a_session_refuses_a_metric_that_does_not_exist_before_it_loads_anything(tmp_path):
    checks.data(request(tmp_path, "bleu", "mine", mine=tmp_path / "mine.py"))
    with pytest.raises(SuiteError, match=r"unknown metric 'mine'.*A new metric is one file, mine\.py"):
        checks.data(request(tmp_path, "bleu", "mine"))


def test_a_run_gets_those_of_the_projects_metrics_that_its_suite_names(tmp_path):
    paths = {name: tmp_path / f"{name}.py" for name in ("one", "two")}
    asked = request(tmp_path, "rouge", "two", **paths)
    assert checks.own_metrics(asked) == (Plugin("two", paths["two"]),)


def test_it_gets_all_of_them_if_a_name_may_be_that_of_one_metric_in_a_file_of_several(tmp_path):
    paths = {name: tmp_path / f"{name}.py" for name in ("one", "two")}
    asked = request(tmp_path, "rougeL", "two_b", **paths)
    checks.data(asked)
    assert [plugin.id for plugin in checks.own_metrics(asked)] == ["one", "two"]


def test_a_session_refuses_a_metric_that_does_not_fit_before_it_loads_anything(tmp_path):
    with pytest.raises(SuiteError, match=r"task\.metrics: macro F1 does not fit this task: its answers are free text"):
        checks.data(request(tmp_path, "mine", "macro_f1", mine=tmp_path / "mine.py"))


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        (
            {"name": "classify", "columns": {"source": "dialogue", "target": "topic"}},
            True,
        ),  # its labels are in the data
        ({"labels": ["yes", "no"]}, True),
        ({}, False),
    ],
)
def test_a_metric_of_labels_fits_where_there_are_labels_given_or_to_be_found(keys, fits):
    asked = TaskTable(**{"name": "dialogsum", "metrics": ["accuracy"], **keys})
    with nullcontext() if fits else pytest.raises(SuiteError, match="accuracy does not fit this task"):
        scored_by.check(asked, (), {})


def test_a_tokenizer_for_a_metric_that_the_task_does_not_have_is_told():
    with pytest.raises(SuiteError) as told:
        scored_by.check(table("chrf", "bleu"), (), {"rouge_tokenizer": "words", "bleu_tokenizer": "zh"})
    assert str(told.value) == (
        "evaluation.rouge_tokenizer: is for rouge, but task.metrics has only chrf, bleu; leave out this key"
    )
    scored_by.check(table("chrf", "bleu"), (), {"bleu_tokenizer": "zh"})
    scored_by.check(table("rougeL"), (), {"rouge_tokenizer": "words"})


def test_a_key_of_evaluation_that_is_neither_its_own_nor_a_metrics_is_told_with_the_closest_one():
    with pytest.raises(SuiteError) as told:
        scored_by.check(table("bleu"), (), {"bleu_tokeniser": "zh"})
    assert str(told.value).startswith(
        "evaluation.bleu_tokeniser: unknown key 'bleu_tokeniser'; did you mean 'bleu_tokenizer'? "
        "Known: bleu_tokenizer, floor, generation, "
    )
