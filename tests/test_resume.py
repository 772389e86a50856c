"""A stored run stands for a new one if that would only repeat it; otherwise there is a reason, and it is told."""

import pytest
from records import finished, prediction, spec, unfinished

from harness import resume
from harness.leaderboard import Entry
from harness.record import Environment, Status, hash_of
from harness.suite import Budget

HERE = Environment(
    device="cpu",
    device_name="Some CPU",
    threads=2,
    python="3.11.7",
    platform="Linux-x86_64",
    packages={"torch": "2.13.0", "peft": "0.21.2"},
    git="0123456789ab",
)
TEXTS = ("Ann books a room.", "Bob is late.")


def stored(method="lora", texts=TEXTS, environment=HERE, **changes):
    """A run as an earlier session left it."""
    record = finished(method, environment=environment, predictions_hash=hash_of(TEXTS), **changes)
    return Entry(record, [prediction(number, text) for number, text in enumerate(texts)])


def reason(run, *entries, here=HERE):
    decision = resume.decide(run, entries, here)
    assert decision.stored is None
    return decision.reason


def test_a_run_that_nothing_has_changed_for_is_reused():
    entry = stored()
    decision = resume.decide(spec("lora"), [stored("dora"), entry], HERE)
    assert decision.stored is entry
    assert decision.reason == ""


def test_another_commit_of_the_same_code_changes_nothing():
    entry = stored(environment=HERE.model_copy(update={"git": "ba9876543210+"}))
    assert resume.decide(spec(), [entry], HERE).stored is entry


def test_a_run_that_ran_beside_others_is_reused():
    entry = stored(contended=True)
    assert resume.decide(spec(), [entry], HERE).stored is entry


def test_what_is_not_stored_is_not_reused():
    assert reason(spec("lora"), stored("dora"), stored("lora2")) == "not stored yet"


def test_another_seed_is_another_run():
    assert reason(spec("lora", seed=1), stored("lora")) == "not stored yet"


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_a_run_that_was_not_ok_is_done_again(status):
    assert reason(spec(), Entry(unfinished(status=status), [])) == f"it ended {status}"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"source": "0123456789ab"}, "its method's file changed"),
        ({"overrides": {"rank": 4}}, "its hyper-parameters changed"),
        ({"budget": Budget(max_steps=7)}, "the suite's budget changed"),
        ({"batch_size": 8}, "the suite's batch size changed"),
        ({"source": "0123456789ab", "batch_size": 8}, "the suite's batch size and its method's file changed"),
    ],
)
def test_a_run_that_is_asked_for_differently_is_done_again(changes, told):
    assert reason(spec(**changes), stored()) == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"threads": 1}, "threads 2 → 1"),
        ({"packages": {"torch": "2.14.0", "peft": "0.21.2"}}, "torch 2.13.0 → 2.14.0"),
        ({"packages": {"torch": "2.13.0"}}, "peft 0.21.2 → None"),
        ({"device": "cuda", "device_name": "Some GPU"}, "device cpu → cuda, device_name Some CPU → Some GPU"),
    ],
)
def test_a_run_of_another_environment_is_done_again(changes, told):
    assert reason(spec(), stored(), here=HERE.model_copy(update=changes)) == f"its environment changed: {told}"


def test_a_run_of_an_unknown_environment_is_done_again():
    assert reason(spec(), stored(environment=None)) == "its environment is unknown"


def test_a_run_without_its_predictions_is_done_again():
    assert reason(spec(), stored(texts=())) == "its predictions are missing"


@pytest.mark.parametrize("texts", [TEXTS[:1], TEXTS[::-1], ("Ann books a room.", "Bob is early.")])
def test_a_run_with_predictions_of_another_time_is_done_again(texts):
    assert reason(spec(), stored(texts=texts)) == "its stored predictions are not its own"


def test_of_two_runs_of_one_name_the_one_that_was_asked_for_counts():
    older, newer = stored(spec=spec(batch_size=8)), stored()
    for entries in ([older, newer], [newer, older]):
        assert resume.decide(spec(), entries, HERE).stored is newer
