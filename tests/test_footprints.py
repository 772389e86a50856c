"""A session knows what its methods need, chooses micro batches that fit, and says which methods do not fit."""

from concurrent.futures import Future

import pytest

from harness.session.footprints import Footprints
from harness.spec import plan, registry
from harness.spec.footprint import Footprint
from harness.spec.suite import Suite
from support.sessions import SESSION

ROOM = 2_500_000_000
NEEDS = {
    "zero_shot": Footprint(weights=4 * 10**8, elsewhere=9 * 10**8, batch_size=16),
    "lora": Footprint(fixed=10**9, per_row=10**7, rows=16, batch_size=16, trains=True),
    "full_finetune": Footprint(
        gradients=4 * 10**8, fixed=17 * 10**8, per_row=5 * 10**7, rows=16, batch_size=16, trains=True
    ),
    "lily": Footprint(fixed=10**9, per_row=10**8, rows=16, batch_size=16, trains=True, splits_batches=False),
    "broken": Footprint(batch_size=16, reason="failed: ValueError: no such thing"),
}
HERE = SESSION.model_copy(update={"room_bytes": ROOM, "run_bytes": 2 * 10**9})


def suite(**changes):
    run = {"methods": ("lora", "full_finetune", "lily"), "seeds": (0, 1), "batch_size": 16, **changes}
    return Suite.model_validate(
        {"name": "small", "task": {"name": "dialogsum"}, "budget": {"max_steps": 9}, "run": run}
    )


@pytest.fixture
def of(store):
    """``of(suite keys)``: the footprints of a session, and the names of the runs that were tried out."""

    def made(here=HERE, jobs=1, model=None, needs=NEEDS, **changes):
        tried = []

        def measure(run):
            tried.append(run.name)
            future = Future()
            future.set_result(needs[run.method].model_copy(update={"room": ROOM}))
            return future

        asked = suite(**changes)
        if model:
            asked = asked.model_copy(update={"model": asked.model.model_copy(update=model)})
        request = plan.request(asked, registry.discover(), store.folder.parent, jobs=jobs)
        return Footprints(request, store, here, measure), tried

    return made


def test_a_method_is_tried_out_once_for_all_seeds(of):
    found, tried = of()
    found.prepare(["lora", "full_finetune"])
    found.find(["lora"])
    assert tried == ["lora-seed0", "full_finetune-seed0"]


def test_what_fits_for_certain_is_not_tried_out(of):
    found, tried = of(here=HERE.model_copy(update={"run_bytes": ROOM // 3}))
    found.prepare(["lora"])
    assert (tried, found.predicted("lora"), found.lines()) == ([], None, [])


def test_two_runs_at_a_time_need_twice_as_much(of, monkeypatch):
    found, tried = of(here=HERE.model_copy(update={"run_bytes": ROOM // 3}), jobs=2)
    found.prepare(["lora"])
    assert (found.runs, tried) == (2, ["lora-seed0"])


def test_methods_on_a_frozen_base_are_tried_out_since_their_activations_are_unknown(of):
    found, tried = of(here=HERE.model_copy(update={"run_bytes": 0}), model={"dtype": "bfloat16"})
    found.prepare(["lora"])
    assert tried == ["lora-seed0"]


def test_a_method_that_does_not_fit_is_named_with_the_micro_batch_that_would(of):
    found, _ = of()
    found.prepare(["lora", "full_finetune"])
    assert found.lines() == ["full_finetune needs about 2.50 GB, this machine has 2.50 GB; micro_batch_size = 4 fits"]


def test_a_micro_batch_that_fits_is_no_problem(of):
    found, _ = of(micro_batch_size=4)
    found.prepare(["full_finetune"])
    assert (found.problem("full_finetune"), found.predicted("full_finetune")) == (None, 23 * 10**8)


def test_the_session_takes_the_largest_micro_batch_that_fits(of):
    found, _ = of(micro_batch_size="auto")
    found.prepare(["lora", "full_finetune"])
    assert found.seen("full_finetune") == 4
    assert found.predicted("full_finetune") == 23 * 10**8
    assert found.lines() == ["micro_batch_size: 4 (full_finetune); 16 (lora)"]


def test_a_batch_that_fits_is_seen_whole(of):
    found, _ = of(micro_batch_size="auto")
    assert found.seen("lora") is None


def test_a_batch_that_must_not_be_divided_is_seen_whole(of):
    found, _ = of(micro_batch_size="auto")
    assert found.seen("lily") is None
    assert "no micro_batch_size would make it fit" in found.problem("lily")


def test_where_not_even_one_row_fits_the_run_shows_it(of):
    large = NEEDS["full_finetune"].model_copy(update={"fixed": 9 * 10**9})
    found, _ = of(micro_batch_size="auto", needs={"full_finetune": large})
    assert found.seen("full_finetune") == 1


def test_a_number_of_rows_is_left_as_it_is(of):
    found, tried = of(micro_batch_size=2)
    assert (found.seen("lora"), tried) == (2, [])


def test_later_sessions_know_what_was_found(of):
    of()[0].find(["lora", "full_finetune"])
    later, tried = of(micro_batch_size=8)
    later.find(["lora", "full_finetune"])
    assert (tried, later.predicted("lora")) == ([], 10**9 + 8 * 10**7)


@pytest.mark.parametrize(
    ("here", "changes"),
    [({"data_hash": "000000000000"}, {}), ({"model_revision": "other"}, {}), ({}, {"batch_size": 8})],
    ids=["data", "model", "batch size"],
)
def test_what_was_found_for_something_else_is_found_again(of, here, changes):
    of()[0].find(["lora"])
    later, tried = of(here=HERE.model_copy(update=here), **changes)
    later.find(["lora"])
    assert tried == ["lora-seed0"]


def test_a_method_that_could_not_be_tried_out_is_tried_again_later(of):
    needs = {"lora": NEEDS["broken"]}
    first, _ = of(needs=needs)
    first.find(["lora"])
    assert (first.problem("lora"), first.predicted("lora")) == ("failed: ValueError: no such thing", None)
    later, tried = of()
    later.find(["lora"])
    assert tried == ["lora-seed0"]


def test_memory_that_another_program_had_is_asked_for_again_later(of):
    of(needs={"lora": NEEDS["lora"].model_copy(update={"exhausted": True})})[0].find(["lora"])
    later, tried = of()
    later.find(["lora"])
    assert (tried, later.problem("lora")) == (["lora-seed0"], None)


def test_a_run_that_the_request_does_not_name_is_tried_out_like_the_others(of):
    whole, _ = of(micro_batch_size="auto")
    (run,) = [each for each in whole._request.runs if each.name == "full_finetune-seed0"]
    served, tried = of(micro_batch_size="auto", methods=("lora",))
    assert served.fitting(run) == 4
    assert tried == ["full_finetune-seed0"]


def test_a_method_that_is_killed_for_memory_is_trained_row_by_row_and_its_reason_is_told(of):
    killed = Footprint(batch_size=16, exhausted=True, reason="out_of_memory: the kernel killed the process")
    found, _ = of(micro_batch_size="auto", needs={"lora": killed})
    assert found.seen("lora") == 1
    assert found.problem("lora") == "lora does not fit: out_of_memory: the kernel killed the process"
    assert found.table(["lora"]).endswith("no: out_of_memory: the kernel killed the process")


def test_a_smaller_part_of_a_batch_that_needs_more_than_all_of_it_is_told_of(of):
    needs = {"full_finetune": NEEDS["full_finetune"].model_copy(update={"fixed": 2 * 10**9, "per_row": 5 * 10**6})}
    found, _ = of(micro_batch_size=8, needs=needs)
    found.find(["full_finetune"])
    assert found.problem("full_finetune").endswith("; micro_batch_size = 16 fits")


def test_a_method_that_cannot_attach_is_not_tried_out_again(of):
    refused = Footprint(batch_size=16, unsupported=True, reason="not on this model")
    of(needs={"lora": refused})[0].find(["lora"])
    later, tried = of()
    later.find(["lora"])
    assert (tried, later.problem("lora")) == ([], "not on this model")


def test_what_ran_out_of_memory_is_no_prediction(of):
    found, _ = of(needs={"lora": NEEDS["lora"].model_copy(update={"exhausted": True})})
    found.find(["lora"])
    assert found.predicted("lora") is None


def test_a_file_of_footprints_that_holds_something_else_is_as_none(of, store):
    of()[0].find(["lora"])
    (store.folder / "footprints.json").write_text("[]")
    later, tried = of()
    later.find(["lora"])
    assert tried == ["lora-seed0"]


def test_the_table_has_a_row_for_each_method_and_the_reason_where_there_is_nothing_else(of):
    found, _ = of(needs={**NEEDS, "lily": NEEDS["broken"]})
    found.find(["lora", "full_finetune", "lily"])
    title, _, lora, full, broken = found.table(["lora", "full_finetune", "lily"]).splitlines()
    assert title.split() == ["method", "weights", "gradients", "optimiser", "activations", "peak", "fits"]
    assert lora.split()[-3:] == ["1.16", "GB", "yes"]
    assert full.endswith("no: micro_batch_size = 4 fits")
    assert broken.endswith("failed: ValueError: no such thing")
