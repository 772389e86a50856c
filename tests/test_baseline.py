"""A baseline comes back as it was accepted, its file says nothing but results, and nothing broken passes for one."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness.gate import baseline_file
from harness.gate.acceptance import merged, updates
from harness.gate.baseline import Fingerprint, hash_of, measured, unfit
from harness.metrics.rouge.metric import described
from harness.spec.errors import StoreError
from harness.spec.figures import changes, megabytes, move
from harness.spec.record import Cost, Environment, Status
from harness.spec.suite import Budget, Evaluation, ModelTable
from support.gate_simulation import HERE, accepted, row, runs
from support.records import finished, means, scored, unfinished

ROOT = Path(__file__).parent.parent
THEN = np.array([[0.3, 0.4, 0.5], [0.25, 0.45, 0.5]])
NOW = THEN - 0.01


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "small" / "baseline"


@pytest.fixture
def path(folder):
    """A baseline on the disk, with two rows."""
    return baseline_file.write(folder, accepted(row(THEN), row(NOW, "zero_shot")))


def edit(path, change):
    """Change a baseline by hand."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refusal(path):
    """What reading says, without the file's name in front."""
    with pytest.raises(StoreError) as error:
        baseline_file.read(path)
    name, _, message = str(error.value).partition(": ")
    assert name == str(path)
    assert "accept a new one with --update-baseline" in message
    return message


def same(one, other):
    """Whether two baselines are equal, to the last bit of every score."""
    rows = [{name: baseline_row.row for name, baseline_row in each.rows.items()} for each in (one, other)]
    for name, its in one.rows.items():
        for seed, scores in its.scores.items():
            for metric, values in scores.items():
                np.testing.assert_array_equal(values, other.rows[name].scores[seed][metric], strict=True)
    return (one.suite, one.fingerprint, rows[0]) == (other.suite, other.fingerprint, rows[1])


# --- what a row holds


def test_a_row_holds_what_makes_results_comparable():
    key = row(THEN, asked={"budget": Budget(max_steps=20), "model": ModelTable(name="google/t5-v1_1-small")}).row.key
    assert key.model_dump() == {
        "method": "lora",
        "data_hash": "c82ca3c94f74",
        "model": "google/t5-v1_1-small",
        "model_revision": "5ca1ab1e0000",
        "budget": {"max_steps": 20},
        "evaluation": {"max_new_tokens": 64, "num_beams": 1},
        "metrics": ("rouge1", "rouge2", "rougeL", "rougeLsum"),
        "metric_options": {"rouge_tokenizer": "rouge_score"},
    }


def test_how_rouge_was_read_is_what_it_came_to_and_not_what_was_asked():
    asked = {"evaluation": Evaluation(rouge_tokenizer="words")}
    words = described("words")
    named, found = row(THEN, asked=asked, metrics=words).row.key, row(THEN, metrics=words).row.key
    assert named == found
    different = changes(row(THEN).row.key.model_dump(), found.model_dump())
    assert different == ["metric_options.rouge_tokenizer rouge_score → words"]


def test_what_is_shown_and_how_far_zero_shot_must_be_beaten_do_not_make_results_incomparable():
    others = Evaluation(samples=9, sample_rows=(4,), floor=7.0)
    assert row(THEN, asked={"evaluation": others}).row.key == row(THEN).row.key


def test_a_local_base_model_is_named_without_its_path():
    assert row(THEN, asked={"model": ModelTable(name="/home/ann/models/t5")}).row.key.model == "t5"


def test_the_key_holds_the_dtype_and_the_quantization_of_the_base():
    tables = [ModelTable(), ModelTable(dtype="bfloat16"), ModelTable(quantization="nf4")]
    tables.append(ModelTable(quantization="nf4", dtype="bfloat16"))
    keys = [row(THEN, asked={"model": table}).row.key for table in tables]
    assert [key.precision for key in keys] == ["float32", "bfloat16", "nf4+float32", "nf4+bfloat16"]
    assert ["precision" in key.model_dump() for key in keys] == [False, True, True, True]


def test_the_key_holds_the_arithmetic_of_training():
    keys = [row(THEN, asked={"precision": name}).row.key for name in ("float32", "bf16")]
    assert [key.arithmetic for key in keys] == ["float32", "bf16"]
    assert ["arithmetic" in key.model_dump() for key in keys] == [False, True]


def test_hyper_parameters_and_source_are_kept_beside_the_key():
    one = row(THEN, asked={"source": "14aed4ee52ed", "batch_size": 8}, hyperparameters={"modules": ("q", "v")}).row
    assert one.source == "14aed4ee52ed"
    assert one.hyperparameters == {
        "batch_size": 8,
        "micro_batch_size": None,
        "gradient_checkpointing": False,
        "max_source_tokens": 512,
        "max_target_tokens": 128,
        "modules": ["q", "v"],
    }


def test_a_row_holds_each_seed_with_its_counts_and_peaks():
    cost = Cost(trainable_parameters=5, total_parameters=50, examples=320, steps=20, tokens=99, peak_rss_bytes=10**9)
    run = row(THEN, seeds=(3, 1), cost=cost).row.runs[3]
    assert run.counts.model_dump() == {
        "trainable_parameters": 5,
        "total_parameters": 50,
        "examples": 320,
        "steps": 20,
        "tokens": 99,
    }
    assert (run.peak_rss_bytes, run.peak_gpu_bytes) == (10**9, None)
    assert run.scores["rouge1"] == pytest.approx(0.4)


def test_a_row_that_failed_keeps_the_reason():
    one = measured([(unfinished(), {})])
    assert one.row.runs[0].reason == "killed by signal 9"
    assert unfit(one) == "the status of seed 0 is crashed: killed by signal 9"


def test_a_row_with_a_score_that_is_no_number_is_unfit():
    assert unfit(row(np.array([[0.3, np.nan]]))) == "seed 0: rouge1 is nan, which is not in the range of 0 to 1"
    assert unfit(row(np.array([[0.3, 40.0]]))) == "seed 0: rouge1 is 20.15, which is not in the range of 0 to 1"


def test_a_mean_that_is_no_number_makes_a_row_unfit():
    scores = means(rouge1=0.4, rouge2=float("nan"), rougeL=0.4, rougeLsum=0.4)
    assert unfit(row(THEN, scores=scores)) == "seed 0: rouge2 is nan, which is not in the range of 0 to 1"


def test_a_finished_run_without_per_example_scores_is_unfit():
    assert unfit(measured([(finished(), {})])) == "seed 0: its rouge1 scores are missing"


def test_runs_of_different_numbers_of_examples_are_unfit():
    assert unfit(row([[0.3, 0.4], [0.3]])) == "its runs have different numbers of examples"


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_worst_and_the_best_score_are_fit(value):
    assert unfit(row(np.full((2, 3), value))) is None


@pytest.mark.parametrize("value", [-0.001, 1.001, np.inf, np.nan])
@pytest.mark.parametrize("place", [(0, 0), (1, 2)])
def test_a_score_outside_of_0_to_1_is_unfit_wherever_it_stands(value, place):
    scores = THEN.copy()
    scores[place] = value
    assert unfit(row(scores)).startswith(f"seed {place[0]}: rouge1 is ")


def test_a_finished_run_without_any_example_is_unfit():
    found = measured([(finished(), {name: np.array([]) for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")})])
    assert unfit(found) == "seed 0: its rouge1 scores are missing"


def test_the_first_seed_that_is_at_fault_is_named():
    entries = [*runs(THEN), scored(unfinished(seed=2, status=Status.DIVERGED, reason="nan"))]
    assert unfit(measured((one.record, one.scores) for one in entries)) == "the status of seed 2 is diverged: nan"


def test_the_means_of_a_row_are_over_the_seeds_that_have_scores():
    assert row([[0.3, 0.5], [0.6, 0.8]]).row.means["rougeL"] == pytest.approx(0.55)
    half = measured((one.record, one.scores) for one in [*runs(THEN[:1]), scored(unfinished(seed=1))])
    assert half.row.means["rouge1"] == pytest.approx(0.4)
    assert measured([(unfinished(), {})]).row.means == {}


def test_the_peak_of_a_row_is_that_of_the_hungriest_of_the_seeds_that_are_asked_for():
    entries = [
        one
        for seed, peak in enumerate((30, 90, None, 50))
        for one in runs(THEN[:1], seeds=(seed,), cost=Cost(peak_rss_bytes=peak))
    ]
    found = measured((one.record, one.scores) for one in entries).row
    assert [found.peak("peak_rss_bytes", seeds) for seeds in ((0, 1, 2, 3), (0, 2, 3), (2,), ())] == [
        90,
        50,
        None,
        None,
    ]
    assert found.peak("peak_gpu_bytes", (0, 1)) is None


def test_a_row_is_made_comparable_by_a_run_that_finished():
    failed = unfinished(seed=0)
    whole = runs(THEN[:1], seeds=(1,))[0]
    found = measured([(failed, {}), (whole.record, whole.scores)]).row
    assert found.key.data_hash == "c82ca3c94f74"
    assert list(found.runs) == [0, 1]


def test_a_long_reason_is_told_on_one_line_that_ends_somewhere():
    found = measured([(unfinished(reason="one\n  two" + "x" * 400), {})]).row.runs[0].reason
    assert found.startswith("one twox")
    assert (len(found), found[-2:]) == (302, " …")
    assert measured([(unfinished(reason="x" * 300), {})]).row.runs[0].reason == "x" * 300


def test_a_hash_of_scores_sees_every_bit_and_no_order():
    scores = {"rouge1": np.array([0.25, 0.5]), "rouge2": np.array([0.5, 0.25])}
    assert len(hash_of(scores)) == 12
    assert hash_of(dict(reversed(scores.items()))) == hash_of(scores)
    assert hash_of(scores | {"rouge2": np.array([0.5, np.nextafter(0.25, 1)])}) != hash_of(scores)
    assert hash_of({"rouge1": scores["rouge2"], "rouge2": scores["rouge1"]}) != hash_of(scores)


def test_the_wall_limit_is_no_part_of_what_is_comparable():
    budgets = (Budget(max_steps=20), Budget(max_steps=20, hard_seconds=99.0))
    assert len({str(row(THEN, asked={"budget": each}).row.key) for each in budgets}) == 1


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (1000, 1234, "1,000 → 1,234 (+234)"),
        (5, 3, "5 → 3 (−2)"),
        (None, 3, "unknown → 3"),
        (3, None, "3 → unknown"),
    ],
)
def test_a_count_is_told_with_its_move(then, now, told):
    assert move(then, now) == told


def test_memory_is_told_in_megabytes():
    assert megabytes(1_234_500_000, None) == "1,234 MB → unknown"


# --- the fingerprint


def environment(**changes):
    packages = {"torch": "2.13.0+cpu", "transformers": "5.23.0", "peft": "0.21.2", "numpy": "2.4.6"}
    machine = {"device": "cpu", "device_name": "AMD EPYC", "threads": 2, "platform": "Linux-x86_64"}
    values = {"python": "3.11.7", "attention": "sdpa", "packages": packages}
    return Environment(**(machine | values | changes))


def test_a_fingerprint_is_made_of_the_environment_but_for_what_packages_were_built_for():
    assert Fingerprint.of(environment()) == HERE
    assert "+" not in HERE.torch


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("*/baseline/*.json")), ids=lambda path: path.stem)
def test_a_committed_baseline_can_be_read_and_is_of_no_build(path):
    assert not [value for value in baseline_file.read(path).fingerprint.model_dump().values() if "+" in str(value)]


@pytest.mark.parametrize("change", [{"python": "3.12.0"}, {"git": "318416f"}, {"platform": "Linux-aarch64"}])
def test_what_does_not_change_predictions_does_not_change_the_fingerprint(change):
    assert Fingerprint.of(environment(**change)).hash == HERE.hash


@pytest.mark.parametrize("change", [{"threads": 4}, {"device_name": "Xeon"}, {"packages": {"torch": "2.14.0"}}])
def test_what_may_change_predictions_changes_the_fingerprint(change):
    assert Fingerprint.of(environment(**change)).hash != HERE.hash


def test_several_machines_have_a_fingerprint_that_names_them_all():
    found = Fingerprint.of(*(environment(device_name=name) for name in ("Xeon", "EPYC", "Xeon")))
    assert found.device_name == "EPYC + Xeon"
    assert found.mixed
    assert found.model_copy(update={"device_name": HERE.device_name, "mixed": False}) == HERE


def test_a_session_has_the_same_fingerprint_wherever_on_its_cluster_the_selected_runs_were():
    possible = [environment(device_name=name, attention=None) for name in ("EPYC", "Xeon")]
    found = [Fingerprint.of_session([environment(device_name=name)], possible) for name in ("EPYC", "Xeon")]
    assert found[0] == found[1] == Fingerprint.of(environment(device_name="EPYC"), environment(device_name="Xeon"))
    assert Fingerprint.of_session([], [environment()]) == HERE


def test_arithmetic_and_attention_change_the_fingerprint():
    assert Fingerprint.of(environment(dtype="bfloat16")).hash != HERE.hash
    assert Fingerprint.of(environment(attention="eager")).hash != HERE.hash


def test_differences_are_named_with_old_and_new_and_their_place():
    then = {"rate": 0.1, "budget": {"max_steps": 5}, "gone": 1}
    assert changes(then, {"rate": 0.1, "budget": {"max_steps": 6}, "more": None}) == [
        "gone 1 → absent",
        "budget.max_steps 5 → 6",
    ]


# --- on the disk


def test_a_baseline_comes_back_as_it_was_written(folder, path):
    baseline = accepted(row(THEN), row(NOW, "zero_shot"))
    assert same(baseline_file.read(path), baseline)
    assert path == folder / f"{HERE.hash}.json"
    assert [each.fingerprint for each in baseline_file.read_all(folder)] == [HERE]


def test_a_row_that_the_base_model_does_not_support_can_be_accepted(folder):
    one = measured([(unfinished(status=Status.UNSUPPORTED, reason="needs a decoder"), {})])
    path = baseline_file.write(folder, accepted(one))
    assert baseline_file.read(path).rows["lora"].row.runs[0].reason == "needs a decoder"


def test_a_folder_that_is_not_there_holds_no_baseline(folder):
    assert baseline_file.read_all(folder) == []


def test_what_is_written_has_sorted_keys_and_depends_on_the_results_only(folder, path):
    text, sidecar = path.read_bytes(), path.with_suffix(".safetensors").read_bytes()
    baseline_file.write(folder, accepted(row(NOW, "zero_shot"), row(THEN)))
    assert path.read_bytes() == text
    assert path.with_suffix(".safetensors").read_bytes() == sidecar
    assert list(json.loads(text)) == ["fingerprint", "rows", "schema", "suite"]
    assert text.startswith(b'{\n  "fingerprint": {\n    "attention": "sdpa",\n')
    assert text.endswith(b"}\n")


def test_nothing_is_left_beside_the_two_files(folder, path):
    assert sorted(each.name for each in folder.iterdir()) == [f"{HERE.hash}.json", f"{HERE.hash}.safetensors"]


def test_a_row_that_is_deleted_by_hand_is_gone(path):
    edit(path, lambda content: content["rows"].pop("lora"))
    assert list(baseline_file.read(path).rows) == ["zero_shot"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null", 100_000 * b"["])
def test_a_file_that_is_no_baseline_is_named_with_what_to_do(path, content):
    path.write_bytes(content)
    refusal(path)


def test_a_newer_baseline_asks_for_a_newer_tuneoff(path):
    edit(path, lambda content: content.update(schema=3))
    assert refusal(path).startswith(
        "written by a newer version of Tuneoff (schema 3, this one reads 2); update Tuneoff, or"
    )


def test_a_baseline_that_is_no_file_says_why_it_cannot_be_read(path):
    path.unlink()
    path.mkdir()
    assert refusal(path).startswith("cannot be read ([Errno 21] Is a directory")


def test_an_older_baseline_asks_to_be_accepted_anew(path):
    edit(path, lambda content: content.update(schema=0))
    assert refusal(path).startswith("written by an older version of Tuneoff (schema 0, this one reads 2); restore it")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.5, -0.1])
def test_a_mean_that_was_edited_to_nonsense_is_named(path, value):
    edit(path, lambda content: content["rows"]["lora"]["runs"]["1"]["scores"].update(rouge1=value))
    assert refusal(path).startswith(f"rows.lora: seed 1: rouge1 is {value:g}, which is not in the range of 0 to 1")


def test_a_mean_that_was_edited_to_another_is_not_that_of_its_scores(path):
    edit(path, lambda content: content["rows"]["lora"]["runs"]["1"]["scores"].update(rouge1=0.9))
    assert refusal(path).startswith("rows.lora: rouge1 of seed 1 is 0.9, which is not the mean of its per-example scor")


def test_a_run_that_answered_is_not_unsupported_even_if_that_is_written_there_by_hand(path):
    edit(path, lambda content: content["rows"]["lora"]["runs"]["0"].update(status="unsupported"))
    assert refusal(path).startswith("rows.lora: seed 0 is marked unsupported, but has predictions")


def test_a_baseline_without_a_schema_is_refused(path):
    edit(path, lambda content: content.pop("schema"))
    assert refusal(path).startswith("schema: Field required")


def test_a_file_in_the_folders_place_is_refused(folder):
    folder.parent.mkdir()
    folder.write_text("in the way")
    with pytest.raises(StoreError, match="baseline: not a folder; move it away"):
        baseline_file.read_all(folder)


@pytest.mark.parametrize("value", [float("nan"), -1, 0.5, "many"])
def test_a_count_that_was_edited_to_nonsense_is_named(path, value):
    edit(path, lambda content: content["rows"]["lora"]["runs"]["0"]["counts"].update(steps=value))
    assert refusal(path).startswith("rows.lora.runs.0.counts.steps: ")


def test_a_key_that_nobody_knows_is_named(path):
    edit(path, lambda content: content["rows"]["lora"].update(colour="red"))
    assert refusal(path).startswith("rows.lora.colour: ")


def test_a_row_under_another_method_is_named(path):
    edit(path, lambda content: content["rows"].update(dora=content["rows"].pop("lora")))
    assert refusal(path).startswith("rows.dora: its key names the method lora")


def test_a_run_that_failed_is_no_baseline_even_if_it_is_written_there_by_hand(path):
    edit(path, lambda content: content["rows"]["lora"]["runs"]["0"].update(status="diverged"))
    assert refusal(path).startswith("rows.lora: the status of seed 0 is diverged")


def test_another_fingerprint_than_the_files_name_is_refused(path):
    edit(path, lambda content: content["fingerprint"].update(threads=8))
    assert refusal(path).startswith("its fingerprint belongs to ")


def test_a_baseline_of_another_suite_is_refused(path):
    edit(path, lambda content: content.update(suite="large"))
    with pytest.raises(StoreError, match="it belongs to suite large; move it to large/baseline/, or delete it"):
        baseline_file.read(path)


def test_a_sidecar_that_is_missing_is_named(path):
    path.with_suffix(".safetensors").unlink()
    with pytest.raises(StoreError, match=rf"\.safetensors: the per-example scores of {HERE.hash}\.json are missing; "):
        baseline_file.read(path)


def test_a_sidecar_that_is_cut_off_is_named(path):
    sidecar = path.with_suffix(".safetensors")
    sidecar.write_bytes(sidecar.read_bytes()[:-5])
    with pytest.raises(StoreError, match=r"\.safetensors: cannot be read .*; restore it from version control"):
        baseline_file.read(path)


def test_a_sidecar_of_other_results_is_named(tmp_path, path):
    other = baseline_file.write(tmp_path / "small" / "other", accepted(row(NOW), row(NOW, "zero_shot")))
    other.with_suffix(".safetensors").replace(path.with_suffix(".safetensors"))
    assert "rows.lora: the per-example scores of seed 0 in the .safetensors file do not belong to this row" in refusal(
        path
    )


def test_all_broken_baselines_are_named_at_once(folder, path):
    (folder / "000000000000.json").write_text("{")
    path.write_text("{")
    with pytest.raises(StoreError) as error:
        baseline_file.read_all(folder)
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == [
        str(folder / "000000000000.json"),
        str(path),
    ]


def test_scores_that_are_no_numbers_are_not_written_and_what_was_there_stays(folder, path):
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"rows\.lora: seed 0: rouge1 is nan, .*; only finished runs can be accepted"):
        baseline_file.write(folder, accepted(row(np.full((1, 3), np.nan))))
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path):
    (tmp_path / "small").write_text("a file, where the folder should be")
    with pytest.raises(
        StoreError, match=r"baseline: cannot be written to: .*; choose another folder with --results=DIR"
    ):
        baseline_file.write(tmp_path / "small" / "baseline", accepted(row(THEN)))


# --- accepting


def test_the_first_baseline_tells_its_scores(folder):
    path, lines = baseline_file.update(folder, accepted(row(THEN)))
    assert path == folder / f"{HERE.hash}.json"
    assert lines == ["lora: new, rouge1 40.00, rouge2 40.00, rougeL 40.00, rougeLsum 40.00"]
    assert [list(each.rows) for each in baseline_file.read_all(folder)] == [["lora"]]


def test_a_row_that_did_not_run_is_kept(folder, path):
    _, lines = baseline_file.update(folder, accepted(row(NOW)))
    assert lines[-1] == "zero_shot: kept as it was: it did not run"
    assert same(baseline_file.read(path), accepted(row(NOW), row(NOW, "zero_shot")))


def test_other_fingerprints_are_kept(folder, path):
    elsewhere = HERE.model_copy(update={"threads": 8})
    baseline_file.update(folder, accepted(row(NOW), fingerprint=elsewhere))
    kept = {each.fingerprint: each for each in baseline_file.read_all(folder)}
    assert set(kept) == {HERE, elsewhere}
    assert same(kept[HERE], accepted(row(THEN), row(NOW, "zero_shot")))


def test_what_changes_is_told_old_and_new():
    old = row(THEN, hyperparameters={"learning_rate": 0.008}, asked={"source": "14aed4ee52ed"})
    cost = Cost(trainable_parameters=688_129, total_parameters=16_000_000, examples=320, steps=20)
    new = row(NOW, seeds=(0, 5), hyperparameters={"learning_rate": 0.0001}, asked={"source": "0000"}, cost=cost)
    assert updates(accepted(old), accepted(new)) == [
        "lora: rouge1 40.00 → 39.00, rouge2 40.00 → 39.00, rougeL 40.00 → 39.00, rougeLsum 40.00 → 39.00, "
        "trainable_parameters 688128 → 688129, seeds 0, 1 → 0, 5, learning_rate 0.008 → 0.0001, its source changed"
    ]


def test_a_row_that_is_as_it_was_is_unchanged():
    assert updates(accepted(row(THEN)), accepted(row(THEN))) == ["lora: unchanged"]


def test_a_row_that_is_as_it_was_leaves_the_file_as_it_was_though_memory_moved_a_little(folder):
    def peaks(peak):
        return accepted(row(THEN, cost=Cost(trainable_parameters=5, peak_rss_bytes=peak)))

    path, _ = baseline_file.update(folder, peaks(1_000_000_000))
    before = path.read_bytes()
    for peak in (1_050_000_000, 1_100_000_000, 900_000_000):
        assert baseline_file.update(folder, peaks(peak)) == (None, ["lora: unchanged"])
    assert path.read_bytes() == before
    path, lines = baseline_file.update(folder, peaks(1_200_000_000))
    assert lines == ["lora: peak_rss_bytes 1,000 MB → 1,200 MB"]
    assert path.read_bytes() != before


def test_fewer_seeds_than_were_accepted_do_not_replace_them():
    old, new = accepted(row(THEN)), accepted(row(NOW[:1]))
    assert same(merged(old, new), old)
    assert updates(old, new) == [
        "lora: kept as it was: seeds 0, 1 → 0 would be weaker evidence; if that is intended, "
        "delete its row from the baseline first"
    ]


def test_a_row_that_the_session_refuses_is_kept_with_the_reason():
    old, new = accepted(row(THEN)), accepted(row(NOW))
    assert same(merged(old, new, {"lora": "it has a flaw"}), old)
    assert updates(old, new, {"lora": "it has a flaw"}) == ["lora: kept as it was: it has a flaw"]


def test_predictions_that_differ_at_equal_scores_are_told():
    assert updates(accepted(row(THEN)), accepted(row(THEN, predictions_hash="0"))) == ["lora: different predictions"]


def test_answers_that_are_the_same_by_other_weights_are_told():
    then, now = (accepted(row(THEN, weights_hash=each)) for each in ("1", "2"))
    assert updates(then, now) == ["lora: different weights"]


def test_a_row_of_another_key_replaces_one_of_more_seeds():
    old, new = accepted(row(THEN)), accepted(row(NOW[:1], data_hash="0"))
    assert same(merged(old, new), new)
    assert "data_hash c82ca3c94f74 → 0, seeds 0, 1 → 0" in updates(old, new)[0]


def test_as_many_seeds_replace_those_that_were_accepted_and_more_do_too():
    for seeds, values in (((3, 4), NOW), ((0, 1, 2), np.vstack([NOW, NOW[:1]]))):
        new = accepted(row(values, seeds=seeds))
        assert same(merged(accepted(row(THEN)), new), new)


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (1000, 1101, "peak_gpu_bytes 0 MB → 0 MB"),
        (1000, 899, "peak_gpu_bytes 0 MB → 0 MB"),
        (None, 5 * 10**6, "peak_gpu_bytes unknown → 5 MB"),
        (5 * 10**6, None, "peak_gpu_bytes 5 MB → unknown"),
        (1000, 1099, "unchanged"),
        (None, None, "unchanged"),
    ],
)
def test_a_peak_that_moved_by_more_than_a_tenth_either_way_is_told(then, now, told):
    both = (accepted(row(THEN, cost=Cost(steps=1, peak_gpu_bytes=peak))) for peak in (then, now))
    assert updates(*both) == [f"lora: {told}"]


def test_a_row_that_failed_is_not_accepted_and_the_old_one_stays():
    failed = measured([(unfinished(), {})])
    old = accepted(row(THEN))
    assert same(merged(old, accepted(failed)), old)
    assert updates(old, accepted(failed)) == [
        "lora: kept as it was: the status of seed 0 is crashed: killed by signal 9"
    ]
    assert updates(None, accepted(failed)) == [
        "lora: not accepted: the status of seed 0 is crashed: killed by signal 9"
    ]


def test_a_baseline_that_cannot_be_read_is_not_overwritten(folder, path):
    path.write_text("{")
    with pytest.raises(StoreError):
        baseline_file.update(folder, accepted(row(NOW)))
    assert path.read_text() == "{"


def test_the_runs_of_a_row_may_come_in_any_order():
    pairs = [(entry.record, entry.scores) for entry in runs(THEN)]
    assert measured(reversed(pairs)).row == measured(pairs).row
