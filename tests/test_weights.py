"""What training did to the weights is told to the element: what moved, what never could, what should not have."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from harness.run import weights
from harness.run.weights import Gradients, Snapshot


class Model(nn.Module):
    """Named parameters of these values; those whose names begin with ``frozen`` are not trained."""

    def __init__(self, **values):
        super().__init__()
        for name, value in values.items():
            self.register_parameter(
                name, nn.Parameter(torch.tensor(value), requires_grad=not name.startswith("frozen"))
            )


def put(parameter, values):
    with torch.no_grad():
        parameter.copy_(torch.tensor(values))


# How far the weights moved


def test_weights_that_did_not_move_have_not_changed(tmp_path):
    model = Model(a=[3.0, 4.0])
    assert Snapshot(model, tmp_path).largest_change(model) == 0.0


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ([3.0, 4.0], [3.0, 3.5], 0.5 / 5),  # the norm before is the larger
        ([3.0, 4.0], [6.0, 8.0], 5 / 10),  # the norm after is
        ([3.0, 4.0], [4.0, 3.0], 2**0.5 / 5),  # changes that cancel out in a sum
        ([3.0, 4.0], [-3.0, -4.0], 10 / 5),
        ([0.0, 0.0], [0.0, 0.1], 1.0),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([1e30, 0.0], [1e30, 1e27], 1e-3),  # squares that float32 cannot hold
    ],
)
def test_a_change_is_relative_to_the_larger_norm(before, after, change, tmp_path):
    model = Model(a=before)
    snapshot = Snapshot(model, tmp_path)
    put(model.a, after)
    assert snapshot.largest_change(model) == pytest.approx(change, rel=1e-4)


@pytest.mark.parametrize("moved", ["a", "b", "c"])
def test_the_tensor_that_moved_most_counts_wherever_it_stands(moved, tmp_path):
    model = Model(a=[4.0], b=[4.0], c=[4.0])
    snapshot = Snapshot(model, tmp_path)
    for name in "abc":
        put(getattr(model, name), [3.0] if name == moved else [3.9])
    assert snapshot.largest_change(model) == pytest.approx(0.25)


def test_a_change_of_what_was_not_to_be_trained_is_no_learning(tmp_path):
    model = Model(a=[1.0], frozen=[1.0])
    snapshot = Snapshot(model, tmp_path)
    put(model.frozen, [9.0])
    assert snapshot.largest_change(model) == 0.0


def test_a_weight_that_is_frozen_after_its_training_has_changed_all_the_same(tmp_path):
    model = Model(a=[1.0])
    snapshot = Snapshot(model, tmp_path)
    put(model.a, [2.0])
    model.a.requires_grad = False
    assert snapshot.largest_change(model) == 0.5
    assert snapshot.frozen_unchanged(model)


def test_weights_that_share_their_memory_can_be_kept(tmp_path):
    storage, model = torch.tensor([1.0, 2.0, 3.0]), Model()
    model.register_parameter("a", nn.Parameter(storage[:2]))
    model.register_parameter("b", nn.Parameter(storage[1:]))
    assert Snapshot(model, tmp_path).largest_change(model) == 0.0


def test_a_snapshot_of_what_is_trained_lies_on_the_disk(tmp_path):
    Snapshot(Model(a=[1.0] * 250, frozen=[1.0] * 9000), tmp_path)
    (path,) = tmp_path.iterdir()
    assert 1000 < path.stat().st_size < 2000


def test_a_model_that_trains_nothing_has_not_changed(tmp_path):
    model = Model(frozen=[1.0])
    assert Snapshot(model, tmp_path).largest_change(model) == 0.0


# What should not have changed


def test_what_training_moves_leaves_the_frozen_weights_unchanged(tmp_path):
    model = Model(a=[1.0], frozen=[1.0, 2.0])
    snapshot = Snapshot(model, tmp_path)
    put(model.a, [2.0])
    assert snapshot.frozen_unchanged(model)


@pytest.mark.parametrize("values", [[1.0, 2.0000002], [2.0, 1.0], [-1.0, 2.0]])
def test_a_frozen_weight_that_moved_by_a_bit_is_seen(values, tmp_path):
    model = Model(a=[1.0], frozen=[1.0, 2.0])
    snapshot = Snapshot(model, tmp_path)
    put(model.frozen, values)
    assert not snapshot.frozen_unchanged(model)


def test_a_frozen_weight_that_became_a_negative_zero_is_seen(tmp_path):
    model = Model(a=[1.0], frozen=[0.0])
    snapshot = Snapshot(model, tmp_path)
    put(model.frozen, [-0.0])
    assert not snapshot.frozen_unchanged(model)


def test_frozen_weights_that_changed_places_are_seen(tmp_path):
    model = Model(a=[1.0], frozen_one=[1.0], frozen_two=[2.0])
    snapshot = Snapshot(model, tmp_path)
    put(model.frozen_one, [2.0])
    put(model.frozen_two, [1.0])
    assert not snapshot.frozen_unchanged(model)


# The digest


def test_equal_weights_have_one_digest_in_whatever_order_they_were_made():
    assert weights.digest(Model(a=[1.0], b=[2.0])) == weights.digest(Model(b=[2.0], a=[1.0]))


@pytest.mark.parametrize("other", [{"a": [1.0], "c": [2.0]}, {"a": [2.0], "b": [1.0]}, {"a": [1.0]}], ids=str)
def test_other_names_or_other_values_have_another_digest(other):
    assert weights.digest(Model(**other)) != weights.digest(Model(a=[1.0], b=[2.0]))


def test_the_digest_leaves_out_what_it_is_told_to_and_nothing_else():
    one, other = Model(a=[1.0], b=[2.0]), Model(a=[1.0], b=[3.0])
    assert weights.digest(one, {"b"}) == weights.digest(other, {"b"})
    assert weights.digest(one, {"a"}) != weights.digest(other, {"a"})


def test_a_digest_is_of_weights_of_any_shape_and_kind():
    model = Model(scalar=1.0)
    model.register_parameter("turned", nn.Parameter(torch.arange(6.0).reshape(2, 3).T))
    model.register_parameter("short", nn.Parameter(torch.ones(3, dtype=torch.bfloat16)))
    assert len(weights.digest(model)) == 128


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_trained_weight_that_is_no_number_is_seen_and_a_frozen_one_is_none_of_trainings(value):
    assert not weights.finite(Model(a=[1.0], b=[1.0, value], c=[1.0]))
    assert weights.finite(Model(a=[1.0], frozen=[value]))


# What the optimisers did


def step(model, optimizer, *inputs):
    """A step on a loss whose gradient with respect to ``a`` are these inputs."""
    optimizer.zero_grad()
    (model.a * torch.tensor(inputs)).sum().backward()
    optimizer.step()


def test_elements_that_never_got_a_gradient_are_dead():
    model = Model(a=[1.0, 1.0, 1.0], b=[1.0, 1.0], frozen=[1.0] * 9)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = Gradients(model)
    assert found.dead_parameters == 5
    with found.watch():
        step(model, optimizer, 1.0, 0.0, 0.0)
    assert found.dead_parameters == 4


def test_an_element_lives_that_any_step_gave_a_gradient_of_either_sign():
    model = Model(a=[1.0, 1.0, 1.0])
    optimizer, found = torch.optim.SGD(model.parameters(), lr=0.1), Gradients(model)
    with found.watch():
        for inputs in ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 0.0)):
            step(model, optimizer, *inputs)
        assert found.dead_parameters == 1
        step(model, optimizer, 0.0, 0.0, 1e-30)
    assert found.dead_parameters == 0


def test_the_optimisers_state_is_that_after_its_first_step():
    model = Model(a=[1.0, 1.0, 1.0])
    optimizer, found = torch.optim.Adam(model.parameters()), Gradients(model)
    with found.watch():
        step(model, optimizer, 1.0, 1.0, 1.0)
        optimizer.state[model.a]["kept for later"] = torch.zeros(1000)
        step(model, optimizer, 1.0, 1.0, 1.0)
    assert found.optimizer_bytes == 2 * 3 * 4 + 4  # two moments of three floats, and the number of steps


def test_an_optimiser_without_state_takes_no_memory():
    model = Model(a=[1.0])
    found = Gradients(model)
    assert (found.optimizer_bytes, found.steps) == (0, 0)
    with found.watch():
        step(model, torch.optim.SGD(model.parameters(), lr=0.1), 1.0)
    assert (found.optimizer_bytes, found.steps) == (0, 1)


def test_two_optimisers_add_up_in_memory_and_the_busier_one_counts_in_steps():
    model = Model(a=[1.0, 1.0])
    optimizers, found = [torch.optim.Adam([model.a]) for _ in range(2)], Gradients(model)
    with found.watch():
        for number in (0, 1, 0, 0):
            step(model, optimizers[number], 1.0, 1.0)
    assert found.optimizer_bytes == 2 * (2 * 2 * 4 + 4)
    assert found.steps == 3


def test_steps_before_and_after_are_not_watched():
    model = Model(a=[1.0])
    optimizer, found = torch.optim.Adam([model.a]), Gradients(model)
    step(model, optimizer, 1.0)
    with pytest.raises(RuntimeError, match="broken"), found.watch():
        raise RuntimeError("broken")
    step(model, optimizer, 1.0)
    assert (found.dead_parameters, found.optimizer_bytes, found.steps) == (1, 0, 0)


class Asked(TorchDispatchMode):
    """Counts the questions whether any element of a tensor is true."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten.any.default
        return func(*args, **(kwargs or {}))


def test_whether_all_elements_had_a_gradient_is_asked_at_few_steps():
    """At steps 1, 2, 4, 8 and 16, because the answer of a GPU has to be waited for."""
    model = Model(a=[1.0, 1.0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Gradients(model).watch(), Asked() as asked:
        for _ in range(20):
            step(model, optimizer, 1.0, 0.0)
    assert asked.count == 5
