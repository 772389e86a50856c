"""What a run needs is found by trying it out, and follows for every number of rows that the model sees at once."""

from dataclasses import replace

import pytest

from harness.run import footprint
from harness.spec import registry
from harness.spec.footprint import Footprint
from harness.spec.plan import Order
from harness.spec.suite import Budget, Evaluation, ModelTable
from harness.tasks import prepared
from support.records import spec

TRAINED = Footprint(
    libraries=100,
    weights=400,
    gradients=400,
    optimizer=800,
    elsewhere=900,
    least=1700,
    fixed=1300,
    per_row=50,
    rows=16,
    batch_size=16,
    room=2500,
    trains=True,
)


def with_room(found, room):
    return found.model_copy(update={"room": room})


def test_a_step_needs_more_with_every_row():
    assert TRAINED.training() == TRAINED.training(16) == 1300 + 16 * 50


def test_gradients_of_earlier_parts_of_a_batch_stay():
    assert TRAINED.training(6) == 1300 + 6 * 50 + 400


def test_a_step_needs_no_less_than_its_optimiser():
    assert TRAINED.model_copy(update={"per_row": 5}).training() == 1700


def test_a_micro_batch_that_is_larger_than_the_batch_is_the_batch():
    assert TRAINED.training(99) == TRAINED.training()


def test_what_is_left_of_a_step_are_activations():
    assert TRAINED.activations() == 2100 - 100 - 400 - 400 - 800


def test_loading_or_answering_may_need_the_most():
    assert TRAINED.model_copy(update={"elsewhere": 9000}).peak() == 9000


def test_a_method_that_does_not_train_has_no_steps():
    found = TRAINED.model_copy(update={"trains": False})
    assert (found.training(), found.peak(), found.needed()) == (0, 900, 900)


def test_the_checks_load_the_model_again():
    assert TRAINED.model_copy(update={"weights": 4000}).needed() == 100 + 2 * 4000


@pytest.mark.parametrize(
    ("room", "runs", "fits"), [(2300, 1, True), (2200, 1, False), (4600, 2, True), (4400, 2, False)]
)
def test_a_run_fits_if_a_little_is_left_over(room, runs, fits):
    assert with_room(TRAINED, room).fits(runs=runs) is fits


@pytest.mark.parametrize(("room", "largest"), [(2300, 16), (2210, 4), (1900, 2), (1700, None)])
def test_the_largest_micro_batch_is_a_divisor_of_the_batch(room, largest):
    assert with_room(TRAINED, room).largest() == largest


def test_a_batch_that_must_not_be_divided_fits_as_a_whole_or_not_at_all():
    found = TRAINED.model_copy(update={"splits_batches": False})
    assert (with_room(found, 2200).largest(), with_room(found, 2300).largest()) == (None, 16)


def test_what_ran_out_of_memory_does_not_fit():
    assert not with_room(TRAINED, 99_999).model_copy(update={"exhausted": True}).fits()


# Trying out

COUNTED = """
from pathlib import Path
from harness.method import Method

class Counted(Method):
    \"\"\"Trains everything, and writes down how many rows each pass sees.\"\"\"
    learning_rate = 1e-4

    def build(self, base):
        def passes(_, inputs, __):
            with Path("passes").open("a") as file:
                file.write(f"{len(inputs[0])} ")
        base.encoder.block[0].layer[0].register_forward_hook(passes)
        return base

    def generate(self, model, prompts):
        Path("asked").write_text(str(len(prompts)))
        return ["" for _ in prompts]
"""
BROKEN = COUNTED + "    def train(self, model, batches):\n        raise ValueError('no such thing')\n"
HUNGRY = COUNTED + "    def train(self, model, batches):\n        next(batches)\n        raise MemoryError('no more')\n"
REFUSING = """
from harness.method import Method, Unsupported

class Refusing(Method):
    def build(self, base):
        raise Unsupported("not on this model")
"""


@pytest.fixture
def measure(tiny_folder, toy_task, tmp_path, monkeypatch):
    """``measure(method)``: what a run of a built-in method, or of this source, is found to need on the tiny model."""
    monkeypatch.chdir(tmp_path)

    def measured(method, source=None, room=10**10, **changes):
        (tmp_path / "methods").mkdir()
        if source:
            (tmp_path / "methods" / f"{method}.py").write_text(source)
        prepared.save(toy_task, tmp_path / "run" / "task")
        asked = {"budget": Budget(max_steps=9), "evaluation": Evaluation(max_new_tokens=8), "batch_size": 8}
        order = Order(
            spec=spec(method, **(asked | changes)),
            plugin=registry.discover([tmp_path / "methods"])[method],
            model=ModelTable(name=str(tiny_folder)),
            task=tmp_path / "run" / "task",
            device="cpu",
            threads=1,
        )
        return footprint.measure(replace(order, room=room), tmp_path / "run")

    return measured


def test_full_training_needs_gradients_and_two_moments_of_each_weight(measure, base):
    bytes_ = sum(each.nbytes for each in base.model.parameters())
    found = measure("full_finetune")
    assert (found.weights, found.gradients, found.reason) == (bytes_, bytes_, None)
    assert 2 * bytes_ <= found.optimizer < 2.1 * bytes_
    assert found.libraries <= found.peak() < 5e9
    assert found.fits()


def test_an_adapter_needs_few_gradients(measure):
    found = measure("lora")
    assert 0 < found.gradients < found.weights / 2
    assert (found.trains, found.reason) == (True, None)


def test_a_method_that_does_not_train_is_only_asked(measure):
    found = measure("zero_shot")
    assert (found.trains, found.fixed, found.gradients, found.reason) == (False, 0, 0, None)
    assert found.peak() == found.elsewhere > found.libraries


HALFWAY = """
from harness.method import Method

class Halfway(Method):
    learning_rate = 1e-4

    def build(self, base):
        def refuse(module, inputs):
            if module.training and len(inputs[0]) > 1:
                raise MemoryError("no more")
        base.encoder.block[0].layer[0].register_forward_pre_hook(refuse)
        return base
"""


def test_memory_that_runs_out_with_more_rows_does_not_say_that_one_row_does_not_fit(measure):
    found = measure("halfway", HALFWAY)
    assert (found.exhausted, found.reason, found.rows) == (False, None, 8)
    assert not found.fits()
    assert found.largest() == 4


def test_two_steps_of_one_row_are_followed_by_two_of_the_longest_batch(measure, tmp_path):
    found = measure("counted", COUNTED)
    assert (tmp_path / "run" / "plugin" / "passes").read_text().split() == ["1", "1", "8", "8"]
    assert (found.rows, found.batch_size) == (8, 8)


def test_micro_batches_are_not_tried_out_since_they_follow_from_the_steps(measure, tmp_path):
    measure("counted", COUNTED, micro_batch_size=2)
    assert (tmp_path / "run" / "plugin" / "passes").read_text().split() == ["1", "1", "8", "8"]


def test_a_budget_of_fewer_rows_than_a_batch_is_all_that_is_tried(measure):
    assert measure("counted", COUNTED, budget=Budget(max_examples=5)).rows == 5


def test_where_weights_gradients_and_optimiser_do_not_fit_no_step_is_tried(measure, tmp_path):
    found = measure("counted", COUNTED, room=10_000)
    assert not (tmp_path / "run" / "plugin" / "passes").exists()
    assert (found.exhausted, found.reason) == (True, None)
    assert found.needed() > found.libraries + 4 * found.weights
    assert found.largest() is None


def test_memory_that_runs_out_is_a_need_and_no_failure(measure):
    found = measure("hungry", HUNGRY)
    assert (found.exhausted, found.known, found.fits()) == (True, True, False)


def test_a_broken_method_has_a_reason(measure):
    found = measure("broken", BROKEN)
    assert (found.reason, found.known, found.unsupported) == ("failed: ValueError: no such thing", False, False)


def test_a_method_that_cannot_attach_says_why(measure):
    found = measure("refusing", REFUSING)
    assert (found.reason, found.unsupported) == ("not on this model", True)


TALKING = """
from pathlib import Path
from harness.method import Method

class Talking(Method):
    \"\"\"Trains everything, and writes down how many tokens are generated at a time.\"\"\"
    learning_rate = 1e-4

    def build(self, base):
        def lengths(_, __, inputs, output):
            if inputs.get("past_key_values") is not None:
                with Path("lengths").open("a") as file:
                    file.write("token ")
        base.decoder.register_forward_hook(lengths, with_kwargs=True)
        return base
"""


def test_answers_are_as_long_as_they_may_be(measure, tmp_path):
    found = measure("talking", TALKING, evaluation=Evaluation(max_new_tokens=24))
    assert found.reason is None
    assert (tmp_path / "run" / "plugin" / "lengths").read_text().count("token") >= 24


def test_the_prompts_that_need_the_most_are_asked(measure, tmp_path):
    measure("counted", COUNTED)
    assert (tmp_path / "run" / "plugin" / "asked").read_text() == "4"
