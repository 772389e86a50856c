"""A record keeps what was asked for and what came out, and its hashes tell one from another."""

import json
import math

import pytest
from pydantic import ValidationError

from harness.metrics.rouge.metric import ROUGE
from harness.spec.checkpoint import Checkpoint
from harness.spec.history import EvaluationPoint, History, StepPoint
from harness.spec.record import (
    SCHEMA,
    Checks,
    Cost,
    Environment,
    Failure,
    Lengths,
    Outputs,
    Phase,
    Prediction,
    Provenance,
    Record,
    RunSpec,
    Status,
)
from harness.spec.suite import Budget, Evaluation, ModelTable, TaskTable
from support.records import finished, prediction, spec, unfinished

CHANGES = {
    "suite": "other",
    "method": "full_finetune",
    "seed": 1,
    "task": TaskTable(name="dialogsum", test_rows=10),
    "model": ModelTable(revision="v2"),
    "budget": Budget(max_examples=321),
    "evaluation": Evaluation(num_beams=4),
    "batch_size": 8,
    "micro_batch_size": 4,
    "gradient_checkpointing": True,
    "precision": "bf16",
    "overrides": {"rank": 4},
    "source": "0123456789ab",
    "task_source": "0123456789ab",
}
ENVIRONMENT = Environment(
    device="cpu",
    device_name="Intel Xeon",
    threads=2,
    python="3.12.1",
    platform="Linux",
    packages={"torch": "2.13.0"},
    git="465e748",
)


def test_a_record_names_a_model_only_if_one_was_to_be_kept():
    kept = finished().keeping(Checkpoint(path="checkpoints/lora-seed0", hash="0123456789ab", bytes=9))
    assert Record.model_validate_json(kept.to_json()) == kept
    assert "checkpoint" not in json.loads(finished().to_json())["outputs"]
    assert kept.keeping(None) == finished()


def test_a_record_says_that_the_disk_was_why_a_model_was_not_kept_only_if_it_was():
    lost = finished().keeping(Checkpoint(reason="the disk is full", disk_failed=True))
    assert Record.model_validate_json(lost.to_json()) == lost
    other = finished().keeping(Checkpoint(reason="it wrote pickles"))
    assert "disk_failed" not in json.loads(other.to_json())["outputs"]["checkpoint"]


@pytest.mark.parametrize("field", RunSpec.model_fields)
def test_the_hash_of_a_spec_changes_with_anything_in_it(field):
    assert spec(**{field: CHANGES[field]}).hash != spec().hash


def test_what_a_suite_leaves_out_is_not_in_the_hash_of_a_spec():
    assert spec(evaluation=Evaluation(rouge_tokenizer="auto"), task=TaskTable(name="dialogsum")).hash == "7a95cc48eab3"


def test_an_option_of_a_metric_is_stored_among_the_keys_of_the_evaluation():
    asked = spec(evaluation=Evaluation(rouge_tokenizer="words", num_beams=4))
    stored = json.loads(asked.model_dump_json())
    assert (stored["evaluation"]["rouge_tokenizer"], stored["evaluation"]["num_beams"]) == ("words", 4)
    assert RunSpec.model_validate(stored) == asked
    assert asked.hash != spec(evaluation=Evaluation(num_beams=4)).hash


def test_equal_specs_have_the_same_hash_of_twelve_hex_digits():
    assert spec().hash == spec().hash
    assert len(spec().hash) == 12
    assert int(spec().hash, 16) >= 0


def test_the_order_of_overrides_does_not_change_the_hash_of_a_spec():
    one, other = {"rank": 4, "alpha": 8}, {"alpha": 8, "rank": 4}
    assert spec(overrides=one).hash == spec(overrides=other).hash


def test_a_spec_is_called_by_method_and_seed():
    assert spec("full_finetune", 12).name == "full_finetune-seed12"


@pytest.mark.parametrize(
    ("field", "value"), [("device", "cuda"), ("threads", 4), ("python", "3.13.0"), ("packages", {"torch": "2.14.0"})]
)
def test_the_hash_of_an_environment_changes_with_what_may_change_predictions(field, value):
    assert ENVIRONMENT.model_copy(update={field: value}).hash != ENVIRONMENT.hash


def test_the_hash_of_an_environment_does_not_change_with_what_a_package_was_built_for():
    assert ENVIRONMENT.model_copy(update={"packages": {"torch": "2.13.0+cpu"}}).hash == ENVIRONMENT.hash


def test_the_hash_of_an_environment_does_not_change_with_the_commit():
    assert ENVIRONMENT.model_copy(update={"git": None}).hash == ENVIRONMENT.hash


def test_a_full_record_comes_back_from_its_json_unchanged():
    record = Record(
        spec=spec(overrides={"rank": 4, "dropout": 0.05}, budget=Budget(max_steps=3, max_seconds=1.5)),
        status=Status.OVER_BUDGET,
        scores={"rouge1": 0.1 + 0.2, "rouge2": 0.1},
        best_scores={"rouge1": 0.5},
        metrics=ROUGE[:2],
        cost=Cost(trainable_parameters=12, contended=True, phases={"train": Phase(seconds=1.25, peak_rss_bytes=10)}),
        checks=Checks(largest_change=0.5, same_as_zero_shot=False),
        outputs=Outputs(lengths=Lengths(outputs_cut=0.25, words_out=12.5), weights_hash="c" * 12),
        provenance=Provenance(
            hyperparameters={"learning_rate": 4e-3, "name": "größer"}, data_hash="a" * 12, bound=True
        ),
        history=History(steps=(StepPoint(step=1, loss=2.5),), evaluations=(EvaluationPoint(step=1, scores={}),)),
        predictions_hash="b" * 12,
        environment=ENVIRONMENT,
        error=Failure(type="RuntimeError", message="„too much“", remedy="less", traceback="File …\n  line"),
    )
    assert Record.model_validate_json(record.to_json()) == record


def test_a_record_of_a_failed_run_comes_back_from_its_json_unchanged():
    record = unfinished(status=Status.OUT_OF_MEMORY)
    assert Record.model_validate_json(record.to_json()) == record


def test_a_prediction_comes_back_from_its_json_unchanged():
    two = prediction(references=("One.", "Two."), text="größer\n„quoted“")
    assert Prediction.model_validate_json(two.model_dump_json()) == two


def test_a_stored_record_names_its_schema():
    content = json.loads(finished().to_json())
    assert content["schema"] == SCHEMA
    assert "schema_version" not in content


def test_what_a_run_does_not_know_is_stored_as_null():
    content = json.loads(unfinished().to_json())
    assert content["scores"] is None
    assert content["cost"]["peak_gpu_bytes"] is None


def test_a_stored_record_ends_its_last_line():
    assert finished().to_json().endswith("}\n")


def test_a_record_with_an_unknown_key_is_refused():
    content = json.loads(finished().to_json()) | {"rank": 1}
    with pytest.raises(ValidationError, match="rank"):
        Record.model_validate(content)


def test_the_status_values_are_those_that_stored_records_hold():
    assert [str(status) for status in Status] == [
        "ok",
        "over_budget",
        "no_op",
        "diverged",
        "out_of_memory",
        "timed_out",
        "crashed",
        "failed",
        "unsupported",
    ]


def test_a_status_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match="status"):
        finished(status="fine")


def test_what_is_no_number_stays_so_for_whoever_reads_it():
    record = finished(hyperparameters={"learning_rate": math.nan}, checks=Checks(largest_change=math.inf))
    again = Record.model_validate_json(record.model_dump_json())
    assert math.isnan(again.provenance.hyperparameters["learning_rate"])
    assert again.checks.largest_change == math.inf
