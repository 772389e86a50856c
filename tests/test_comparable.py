"""One report is about runs that can be compared: the same question, environment and, of one method, the same way."""

from harness.report import comparable
from harness.spec.prompt_format import PromptFormat
from support.records import changed, finished, spec
from support.sessions import HERE, SESSION

FORMAT = PromptFormat(chat_template=None, tokens="5c4b3a2f1e0d")
ELSEWHERE = HERE.model_copy(update={"device_name": "another processor"})


def names(records, here=None):
    return [record.spec.name for record in comparable.runs(records, here)]


def test_a_method_is_shown_as_most_of_its_runs_were_made():
    old = [finished("lora", seed) for seed in (1, 2)]
    new = changed(finished(), spec=spec(overrides={"learning_rate": 0.5}))
    assert names([new, *old, finished("zero_shot")]) == ["lora-seed1", "lora-seed2", "zero_shot-seed0"]


def test_of_as_many_runs_the_later_ones_are_shown():
    old = finished(date="2026-01-01")
    new = changed(finished(seed=1, date="2026-02-01"), spec=spec(seed=1, batch_size=8))
    assert names([old, new]) == ["lora-seed1"]


def test_runs_of_another_environment_are_left_out():
    here = [finished(name, environment=HERE) for name in ("lora", "zero_shot")]
    assert names([*here, finished("dora", environment=ELSEWHERE)]) == ["lora-seed0", "zero_shot-seed0"]


def test_the_machines_of_one_session_are_one_environment():
    both = SESSION.model_copy(update={"elsewhere": (ELSEWHERE,)})
    records = [finished("lora", environment=HERE), finished("dora", environment=ELSEWHERE)]
    assert names(records, both) == ["lora-seed0", "dora-seed0"]


def test_what_the_checks_read_belongs_to_runs_of_the_same_data_model_and_prompt_format():
    known = {"data_hash": SESSION.data_hash, "model_revision": SESSION.model_revision}
    assert comparable.same_input(SESSION, [finished(**known)])
    assert not comparable.same_input(SESSION, [finished(**{**known, "model_revision": "another"})])
    assert not comparable.same_input(SESSION, [finished(**{**known, "data_hash": "another"})])
    assert not comparable.same_input(SESSION.model_copy(update={"prompt_format": FORMAT}), [finished(**known)])
