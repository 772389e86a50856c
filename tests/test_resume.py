"""A stored run stands for a new one if that would only repeat it; otherwise there is a reason, and it is told."""

import pytest

from harness.metrics.rouge.metric import described
from harness.session import resume
from harness.spec.errors import StoreError
from harness.spec.record import Generation, RunOutcome, Status, hash_of
from harness.spec.suite import Budget
from support.records import finished, prediction, spec, unfinished
from support.sessions import HERE, SESSION

TEXTS = ("Ann books a room.", "Bob is late.")


def stored(method="lora", texts=TEXTS, environment=HERE, **changes):
    """A run as an earlier session left it."""
    known = {"data_hash": SESSION.data_hash, "model_revision": SESSION.model_revision}
    record = finished(method, environment=environment, predictions_hash=hash_of(TEXTS), **(known | changes))
    return RunOutcome(record=record, predictions=tuple(prediction(number, text) for number, text in enumerate(texts)))


def decide(run, *outcomes, here=SESSION):
    answers = {outcome.record.spec.hash: outcome.predictions for outcome in outcomes}
    return resume.decide(run, [outcome.record for outcome in outcomes], lambda spec: answers[spec.hash], here)


def reason(run, *entries, here=SESSION):
    decision = decide(run, *entries, here=here)
    assert decision.stored is None
    return decision.reason


def test_a_run_that_nothing_has_changed_for_is_reused():
    entry = stored()
    decision = decide(spec("lora"), stored("dora"), entry)
    assert decision.stored is entry.record
    assert decision.reason is None


def test_a_run_whose_stored_answers_cannot_be_read_is_done_again():
    def unreadable(_):
        raise StoreError("predictions/lora-seed0.jsonl.gz: cannot be read")

    decision = resume.decide(spec("lora"), [stored().record], unreadable, SESSION)
    assert (decision.stored, decision.reason) == (None, "predictions/lora-seed0.jsonl.gz: cannot be read")


def test_another_commit_of_the_same_code_changes_nothing():
    entry = stored(environment=HERE.model_copy(update={"git": "ba9876543210+"}))
    assert decide(spec(), entry).stored is entry.record


def test_a_run_that_ran_beside_others_is_reused():
    entry = stored(contended=True)
    assert decide(spec(), entry).stored is entry.record


def test_a_run_of_any_node_of_the_cluster_is_reused():
    others = {"environment": HERE.model_copy(update={"device_name": "Another CPU"}), "elsewhere": (HERE,)}
    entry = stored()
    assert decide(spec(), entry, here=SESSION.model_copy(update=others)).stored is entry.record


def test_what_is_not_stored_is_not_reused():
    assert reason(spec("lora"), stored("dora"), stored("lora2")) == "not stored yet"


def test_another_seed_is_another_run():
    assert reason(spec("lora", seed=1), stored("lora")) == "not stored yet"


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_a_run_that_was_not_ok_is_done_again(status):
    assert reason(spec(), RunOutcome(record=unfinished(status=status))) == f"its status is {status}"


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
        ({"packages": {"torch": "2.13.0"}}, "peft 0.21.2 → absent"),
        ({"device": "cuda", "device_name": "Some GPU"}, "device cpu → cuda, device_name Some CPU → Some GPU"),
    ],
)
def test_a_run_of_another_environment_is_done_again(changes, told):
    elsewhere = SESSION.model_copy(update={"environment": HERE.model_copy(update=changes)})
    assert reason(spec(), stored(), here=elsewhere) == f"its environment changed: {told}"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data_hash": "another"}, "the rows of its data changed"),
        ({"model_revision": "another"}, "its base model changed: another → 5c4b3a2f1e0d"),
    ],
)
def test_a_run_on_other_data_or_another_base_is_done_again(changes, told):
    assert reason(spec(), stored(**changes)) == told


def test_a_run_with_other_generation_settings_of_its_base_is_done_again():
    here = SESSION.model_copy(update={"generation": Generation(used={"length_penalty": 2.0})})
    assert reason(spec(), stored(), here=here) == "the generation settings taken from its base model changed"
    assert decide(spec(), stored(generation=here.generation), here=here).stored
    assert decide(spec(), stored(generation=None)).stored  # a record of before they were kept


@pytest.mark.parametrize("change", [{"python": "3.12.0"}, {"platform": "Darwin"}, {"dtype": "bfloat16"}], ids=str)
def test_a_run_of_another_python_platform_or_arithmetic_is_done_again(change):
    elsewhere = SESSION.model_copy(update={"environment": HERE.model_copy(update=change)})
    (name, value), *_ = change.items()
    assert reason(spec(), stored(), here=elsewhere) == (
        f"its environment changed: {name} {getattr(HERE, name)} → {value}"
    )


def test_attention_follows_from_the_rest_and_changes_nothing():
    entry = stored(environment=HERE.model_copy(update={"attention": "eager"}))
    assert decide(spec(), entry).stored is entry.record


def test_answers_are_read_only_where_all_else_is_the_same():
    def unread(_):
        raise AssertionError("read in vain")

    for entry in (stored("dora"), stored(data_hash="another"), stored(spec=spec(batch_size=8))):
        assert resume.decide(spec(), [entry.record], unread, SESSION).stored is None


def test_of_several_runs_of_a_name_the_latest_says_what_changed():
    entries = [stored(spec=spec(batch_size=8)), stored(spec=spec(source="0123456789ab"))]
    assert reason(spec(), *entries) == "its method's file changed"
    assert reason(spec(), *entries[::-1]) == "the suite's batch size changed"


def test_a_run_of_another_build_of_the_same_versions_is_not_done_again():
    packages = {"torch": "2.13.0+cpu", "peft": "0.21.2"}
    entry = stored(environment=HERE.model_copy(update={"packages": packages}))
    assert decide(spec(), entry).stored is entry.record


def test_what_is_said_about_another_environment_does_not_name_its_builds():
    change = {"threads": 1, "packages": {"torch": "2.13.0+cpu", "peft": "0.21.2"}}
    elsewhere = SESSION.model_copy(update={"environment": HERE.model_copy(update=change)})
    assert reason(spec(), stored(), here=elsewhere) == "its environment changed: threads 2 → 1"


def test_a_run_of_an_unknown_environment_is_done_again():
    assert reason(spec(), stored(environment=None)) == "its environment is unknown"


def test_a_run_without_its_predictions_is_done_again():
    assert reason(spec(), stored(texts=())) == "its predictions are missing"


@pytest.mark.parametrize("texts", [TEXTS[:1], TEXTS[::-1], ("Ann books a room.", "Bob is early.")])
def test_a_run_with_predictions_of_another_time_is_done_again(texts):
    assert reason(spec(), stored(texts=texts)) == "its stored predictions do not match its record"


def test_of_two_runs_of_one_name_the_one_that_was_asked_for_counts():
    older, newer = stored(spec=spec(batch_size=8)), stored()
    for entries in ([older, newer], [newer, older]):
        assert decide(spec(), *entries).stored is newer.record


def test_a_run_whose_rouge_was_read_otherwise_is_done_again():
    here = SESSION.model_copy(update={"metrics": described("words")})
    assert reason(spec("lora"), stored(), here=here) == (
        "its answers were scored differently: rouge_tokenizer rouge_score → words"
    )
    assert decide(spec("lora"), stored(metrics=described("words")), here=here).stored
