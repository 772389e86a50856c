"""Which models a session keeps: those of all runs that are ok, or the best seed's of the best method."""

import pytest

from harness.metrics.rouge.metric import ROUGE
from harness.session.keeper import Keeper, best
from harness.session.ledger import Ledger
from harness.spec.checkpoint import Checkpoint
from harness.spec.hashing import digest_of_folder
from harness.spec.metric import Direction
from harness.spec.record import RunOutcome, Status, hash_of
from support.records import finished, means, prediction, unfinished
from support.sessions import SESSION

LOSS = ROUGE[0].model_copy(update={"better": Direction.LOWER})


def run(method="lora", seed=0, score=0.4, **changes):
    """A run with this score."""
    return finished(method, seed, scores=means(rouge1=score), **changes)


def made(store, record):
    """The run with the model that its process has left for the session."""
    folder = store.scratch / "kept" / record.spec.name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_text(record.spec.name)
    return record.keeping(
        Checkpoint(hash=digest_of_folder(folder), bytes=len(record.spec.name), loader="AutoModelForSeq2SeqLM")
    )


@pytest.fixture
def kept(store):
    """``kept(record)``: the run after its model has been stored."""
    return lambda record: Keeper("all", store).taken(made(store, record))


def names(records):
    return [record.spec.name for record in records]


# Which is the best


def test_the_best_run_is_the_best_seed_of_the_method_with_the_best_mean():
    runs = [run("dora", 0, 0.5), run("dora", 1, 0.1), run("lora", 0, 0.38), run("lora", 1, 0.4), run("lora", 2, 0.39)]
    assert best(runs) == runs[3]


def test_where_less_is_better_the_lowest_is_the_best():
    runs = [run("lora", seed, score, metrics=(LOSS,)) for seed, score in enumerate((0.4, 0.2, 0.3))]
    assert best(runs) == runs[1]


def test_a_method_that_trains_nothing_is_never_the_best():
    assert best([run("lead3", score=0.9, trainable_parameters=0), run(score=0.1)]) == run(score=0.1)


def test_a_method_with_a_run_that_is_not_ok_is_not_the_best():
    assert best([run("dora", 0, 0.9), unfinished("dora", 1), run("lora", 0, 0.1)]) == run("lora", 0, 0.1)
    assert best([unfinished()]) is None
    assert best([]) is None


# What is taken


def test_nothing_is_asked_of_a_run_where_nothing_is_kept(store):
    assert Keeper("none", store).place(run().spec) is None
    assert Keeper("none", store).taken(run()) == run()


def test_the_model_of_an_ok_run_is_stored_and_recorded(store):
    record = Keeper("all", store).taken(made(store, run()))
    assert record.outputs.checkpoint.path == "checkpoints/lora-seed0"
    assert store.trained_models.has(record)


@pytest.mark.parametrize("status", [Status.NO_OP, Status.OVER_BUDGET, Status.FAILED])
def test_the_model_of_any_other_run_is_deleted(status, store):
    record = Keeper("all", store).taken(made(store, run()).ended(status, None))
    assert record.outputs.checkpoint is None
    assert not (store.scratch / "kept" / "lora-seed0").exists()
    assert not store.trained_models.folder.exists()


def test_a_model_whose_run_ended_before_it_was_checked_is_deleted(store):
    """The run had its result by then, which stays."""
    record = made(store, run()).keeping(Checkpoint(reason="the run ended"))
    assert Keeper("all", store).taken(record) == record
    assert not (store.scratch / "kept" / "lora-seed0").exists()


def test_why_a_process_left_no_model_stays_in_the_record(store):
    record = run().keeping(Checkpoint(reason="its disk is full"))
    assert Keeper("all", store).taken(record) == record


def test_a_model_that_cannot_be_stored_leaves_the_result_and_the_reason(store):
    store.trained_models.folder.write_text("a file is in the way")
    record = Keeper("all", store).taken(made(store, run()))
    assert (record.status, record.scores, record.outputs.checkpoint.path) == (Status.OK, run().scores, None)
    assert "checkpoints: cannot be written to" in record.outputs.checkpoint.reason
    assert record.outputs.checkpoint.disk_failed


# What stays


def test_of_all_models_none_is_too_many(store, kept):
    assert Keeper("all", store).surplus([kept(run(seed=seed)) for seed in range(3)], finished=True) == []


def test_while_runs_follow_the_best_seed_of_each_method_stays(store, kept):
    runs = [kept(run("lora", 0, 0.3)), kept(run("lora", 1, 0.4)), kept(run("dora", 0, 0.1)), run("dora", 1, 0.05)]
    assert names(Keeper("best", store).surplus(runs)) == ["lora-seed0"]


def test_in_the_end_the_best_one_stays(store, kept):
    runs = [run("zero_shot", trainable_parameters=0), kept(run("lora")), kept(run("dora", score=0.5))]
    assert names(Keeper("best", store).surplus(runs, finished=True)) == ["lora-seed0"]


def test_a_session_stores_what_it_keeps_and_its_records_follow(store):
    zero_shot = run("zero_shot", score=0.1, trainable_parameters=0)
    ledger = Ledger(store, SESSION, [], zero_shot.spec, Keeper("best", store))
    for each in (zero_shot, *(made(store, run("lora", seed, score)) for seed, score in enumerate((0.3, 0.5, 0.4)))):
        ledger.keep(each.spec, RunOutcome(record=each, predictions=(prediction(),)))
    stored = {record.spec.name: record for record in store.read_runs()}
    assert stored == ledger.done
    assert [name for name, record in stored.items() if record.outputs.checkpoint] == ["lora-seed1"]
    assert store.trained_models.has(stored["lora-seed1"])
    assert {path.name for path in store.trained_models.folder.iterdir()} == {".gitignore", "lora-seed1"}
    assert not [*(store.scratch / "kept").iterdir()]
    assert store.read_predictions(stored["lora-seed0"].spec) == [prediction()]


def test_a_session_that_resumes_executes_a_run_again_for_its_model(store):
    record = run(
        environment=SESSION.environment,
        data_hash=SESSION.data_hash,
        model_revision=SESSION.model_revision,
        predictions_hash=hash_of([prediction().text]),
    )
    store.write_run(record, [prediction()])
    ledgers = {
        keep: Ledger(store, SESSION, [record], record.spec, Keeper(keep, store, [record]))
        for keep in ("none", "best", "all")
    }
    assert [ledger.reuse(record.spec) for ledger in ledgers.values()] == [True, False, False]
    assert ledgers["all"].decisions[0].reason == "its model was not kept"


# Which stored runs are executed again


def test_where_all_are_kept_a_stored_run_without_its_model_is_executed_again(store, kept):
    keeper, record = Keeper("all", store), kept(run())
    assert keeper.missing(run("dora")) == "its model was not kept"
    assert keeper.missing(record) is None
    store.trained_models.remove(record.spec)
    assert keeper.missing(record) == "its kept model is missing or has changed"
    assert keeper.missing(run("lead3", trainable_parameters=0)) is None


def test_where_the_best_is_kept_the_best_stored_run_is_executed_again_for_its_model(store):
    runs = [run("lora", 0, 0.3), run("lora", 1, 0.4), run("dora", 0, 0.1)]
    keeper = Keeper("best", store, runs)
    assert [keeper.missing(each) for each in runs] == [None, "its model was not kept", None]


@pytest.mark.parametrize("keep", ["all", "best"])
def test_a_model_that_cannot_be_kept_is_not_tried_again_unless_the_disk_was_why(keep, store):
    pickles = run().keeping(Checkpoint(reason="its save_pretrained() wrote extra.pt"))
    assert Keeper(keep, store, [pickles]).missing(pickles) is None
    full = run().keeping(Checkpoint(reason="No space left on device", disk_failed=True))
    assert Keeper(keep, store, [full]).missing(full) == "its model was not kept"


def test_where_nothing_is_kept_every_stored_run_is_reused(store):
    assert Keeper("none", store, [run()]).missing(run()) is None


# What is told


def test_the_place_of_the_best_model_is_told_and_of_the_script_that_uses_it(store, kept, monkeypatch):
    monkeypatch.chdir(store.folder)
    lines = Keeper("best", store).lines([kept(run())], finished=True)
    assert lines == [
        "kept: 1 model in checkpoints, 0.0 MB",
        "the best is lora-seed0; the script in checkpoints/lora-seed0/README.md uses it without Tuneoff",
    ]


def test_why_a_model_was_not_kept_or_answers_otherwise_is_told(store, kept):
    other = kept(run("poly", score=0.3))
    other = other.keeping(other.outputs.checkpoint.model_copy(update={"reason": "it needs task_ids"}))
    lost = run("dora").keeping(Checkpoint(reason="the disk is full"))
    lines = Keeper("all", store).lines([other, lost], finished=True)
    assert lines[0] == "not kept: dora-seed0: the disk is full"
    assert lines[2:] == ["note: poly-seed0: it needs task_ids"]


def test_a_best_run_that_was_reused_without_its_model_is_told_with_what_to_do(store):
    (line,) = Keeper("best", store).lines([run()], finished=True)
    assert line.startswith(
        "not kept: lora-seed0: it was reused from a session that did not keep its model; run it alone"
    )


def test_a_session_that_ended_early_decides_nothing(store, kept):
    (line,) = Keeper("best", store).lines([kept(run())], finished=False)
    assert "add --resume" in line


def test_a_session_without_a_model_to_keep_says_so(store):
    (line,) = Keeper("best", store).lines([unfinished()], finished=True)
    assert line == "not kept: there is no trained method whose runs are all ok"
    assert Keeper("none", store).lines([run()], finished=True) == []
