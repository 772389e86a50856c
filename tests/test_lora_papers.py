"""What the papers say of LoRA and its kin, where a line can say it: scales, starts, ranks, what learns faster."""

import pytest
import torch
from peft.optimizers.lorafa import LoraFAOptimizer
from transformers import set_seed

from harness.spec.suite import Budget
from harness.training.budget import Batches
from support import contracts, toy
from support.adapted import QUERY, WEIGHT, changed, factors, query, rank, rates, start, update, weight
from support.zoo import CLASSES

LORA = ["corda", "eva", "lora", "lora_fa", "lora_ga", "loraplus", "mica", "olora", "pissa", "riemannian_lora", "velora"]


@pytest.mark.parametrize(("name", "scale"), [*((name, 12 / 4) for name in LORA), ("rslora", 12 / 4**0.5)])
def test_the_update_is_alpha_over_the_rank_times_b_a_and_over_its_root_in_rslora(name, scale):
    layer = query(changed(name, rank=4, alpha=12))
    a, b = factors(layer)
    assert a.shape == (4, 64)
    assert contracts.close(weight(layer) - layer.base_layer.weight, scale * b @ a)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, 2) for name in ("deft", "lora", "psoft", "rslora", "tinylora", "unilora", "vblora", "velora")),
        ("gralora", 4),  # two blocks each way
        ("loha", 4),  # the product of two ranks
        ("randlora", 32),  # sums of random matrices up to full rank
    ],
)
def test_the_rank_of_the_update_follows_the_rank_that_is_set(name, expected):
    assert rank(update(name, rank=2)) == expected


def test_adalora_starts_above_its_rank_and_comes_down_to_it_within_half_of_any_budget():
    cls = contracts.having(CLASSES["adalora"], initial_rank=12, rank=8)
    by_steps, by_examples = ranks(cls, Budget(max_steps=16)), ranks(cls, Budget(max_examples=16 * 4))
    assert by_steps == by_examples
    assert by_steps[0] == 12
    assert sorted(by_steps, reverse=True) == by_steps
    assert 8 < by_steps[3] < by_steps[2] < 12
    assert by_steps[7:] == [8] * 9


@pytest.mark.parametrize("steps", [1, 2])
def test_adalora_comes_down_to_its_rank_in_a_budget_of_so_few_steps(steps):
    cls = contracts.having(CLASSES["adalora"], initial_rank=12, rank=8)
    assert ranks(cls, Budget(max_steps=steps)) == [8] * steps


def ranks(cls, budget):
    """The mean rank of AdaLoRA's updates, over all layers, after each step."""
    trial, found = contracts.built(cls), []
    after = trial.method.after_step

    def note(model, step, progress):
        after(model, step, progress)
        kept = [p != 0 for name, p in model.named_parameters() if "lora_E" in name]
        found.append(sum(int(mask.sum()) for mask in kept) / len(kept))

    trial.method.after_step = note
    trial.method.train(trial.model, Batches(toy.endless(), budget, toy.CPU, trial.method.setting.family.row_tokens))
    return found


def test_adalora_scales_its_update_by_the_rank_it_comes_down_to_over_the_rank_it_has():
    layer = query(changed("adalora", initial_rank=12, rank=8))
    a, e, b = (getattr(layer, f"lora_{part}")["default"].detach() for part in "AEB")
    assert contracts.close(weight(layer) - WEIGHT, 8 / 12 * b @ (a * e))


def test_adalora_refuses_a_rank_that_leaves_nothing_to_prune():
    with pytest.raises(ValueError, match="expected less than initial_rank = 8"):
        start("adalora", initial_rank=8, rank=8)


def test_pissa_starts_as_the_leading_singular_triplets_and_leaves_the_base_the_rest():
    layer = query(start("pissa", rank=4, alpha=12))
    a, b = factors(layer)
    u, s, v = torch.linalg.svd(WEIGHT, full_matrices=False)
    leading = u[:, :4] * s[:4] @ v[:4]
    assert contracts.close(3 * b @ a, leading, 1e-3)
    assert contracts.close(layer.base_layer.weight, WEIGHT - leading, 1e-3)


def test_olora_starts_as_the_leading_part_of_a_qr_decomposition():
    a, b = factors(query(start("olora", rank=4, alpha=12)))
    q, r = torch.linalg.qr(WEIGHT)
    assert contracts.close(b @ a, q[:, :4] @ r[:4], 1e-3)


def test_mica_freezes_the_least_singular_directions_and_trains_what_reads_them():
    trial = start("mica", rank=4)
    a, b = factors(query(trial))
    assert contracts.close(b, torch.linalg.svd(WEIGHT)[0][:, -4:], 1e-3)
    assert not a.any()
    assert {"lora_A" in name for name in trial.trainable} == {True}


def test_kasa_leaves_out_the_least_singular_directions_of_the_base():
    found = torch.linalg.svdvals(query(start("kasa", rank=4)).base_layer.weight)
    assert contracts.close(found[:28], torch.linalg.svdvals(WEIGHT)[:28], 1e-3)
    assert float(found[28:].max()) < 1e-5


def inputs_of_query(model, batch):
    """What the first layer's queries are made from, one row for each real token."""
    seen = []
    hook = model.get_submodule(QUERY).register_forward_hook(lambda _, given, __: seen.append(given[0].detach()))
    model(**batch)
    hook.remove()
    return seen[0][batch["attention_mask"].bool()]


def test_eva_starts_as_the_main_directions_of_the_inputs():
    inputs = torch.cat([inputs_of_query(toy.base(), batch) for batch in toy.batches()])
    a, b = factors(query(start("eva", rank=4)))
    a = torch.nn.functional.normalize(a)
    centred = inputs - inputs.mean(0)
    explained = float((centred @ a.T).square().sum() / centred.square().sum())
    best = torch.linalg.svdvals(centred).square()
    assert torch.allclose(a @ a.T, torch.eye(4), atol=1e-3)
    assert explained == pytest.approx(float(best[:4].sum() / best.sum()), rel=0.02)
    assert not b.any()


def test_eva_refuses_a_rank_for_which_no_batch_has_enough_tokens():
    few = [{name: tensor[:1] for name, tensor in batch.items()} for batch in toy.batches()]
    most = max(int((batch["labels"] >= 0).sum()) for batch in few)
    with pytest.raises(ValueError, match=f"rank = {most + 1}: expected at most {most}"):
        contracts.built(contracts.having(CLASSES["eva"], rank=most + 1), seen=few)


def test_corda_takes_what_the_weight_mainly_does_to_the_inputs_and_leaves_the_base_the_rest():
    inputs = torch.cat([inputs_of_query(toy.base(), batch) for batch in toy.batches()])
    covariance = inputs.T @ inputs
    rest = query(start("corda", rank=4)).base_layer.weight @ covariance
    values = torch.linalg.svdvals(WEIGHT @ covariance)
    assert float(rest.norm()) == pytest.approx(float(values[4:].norm()), rel=0.05)


def test_lora_ga_starts_along_the_gradient_of_all_batches():
    model = toy.copy_of_base()
    for batch in toy.batches():
        model(**batch).loss.backward()
    u, _, v = torch.linalg.svd(model.get_submodule(QUERY).weight.grad)
    a, b = factors(query(start("lora_ga", rank=4)))
    assert contracts.close(a @ v[:8].T @ v[:8], a, 0.02)
    assert contracts.close(u[:, :8] @ u[:, :8].T @ b, b, 0.02)


@torch.no_grad()
def test_dora_trains_the_length_of_each_row_apart_from_its_direction():
    layer = query(changed("dora", rank=4, alpha=12))
    a, b = factors(layer)
    adapted, direction = weight(layer), WEIGHT + 3 * b @ a
    assert contracts.close(adapted.norm(dim=1), layer.lora_magnitude_vector["default"].weight, 1e-3)
    assert contracts.close(adapted / adapted.norm(dim=1)[:, None], direction / direction.norm(dim=1)[:, None], 1e-3)


def test_delora_learns_a_direction_whatever_its_length():
    layer = query(changed("delora"))
    before = weight(layer)
    with torch.no_grad():
        layer.delora_A["default"] *= 3
    assert contracts.close(weight(layer), before, 1e-3)


def test_delora_starts_with_the_strength_that_is_set():
    assert query(start("delora", strength=7)).delora_lambda["default"].item() == 7


def test_hira_multiplies_the_weight_by_a_low_rank_matrix():
    assert rank(update("hira", rank=2) / WEIGHT) == 2


def test_lokr_updates_by_a_kronecker_product():
    blocks = update("lokr", rank=2)
    tall, wide = next((n, m) for n, m in [(4, 8), (8, 8), (4, 4), (8, 4)] if _is_kronecker(blocks, n, m))
    assert tall * wide > 1


def _is_kronecker(matrix, n, m):
    """Whether a matrix is one of n x m times another: its blocks are then multiples of each other."""
    blocks = matrix.reshape(n, 32 // n, m, 64 // m).permute(0, 2, 1, 3).reshape(n * m, -1)
    return rank(blocks) == 1


def test_lora_fa_freezes_its_first_matrix_and_projects_the_gradient_of_the_second():
    trial = start("lora_fa")
    assert {name.split(".")[-3] for name in trial.trainable} == {"lora_B"}
    assert isinstance(trial.method.optimizer(trial.model), LoraFAOptimizer)


def test_loraplus_trains_b_faster_than_a_by_its_ratio():
    found = rates(start("loraplus", learning_rate=1e-3, ratio=5.0))
    assert {rate for name, rate in found.items() if "lora_A" in name} == {1e-3}
    assert {rate for name, rate in found.items() if "lora_B" in name} == {5e-3}


def test_velora_answers_as_lora_does_but_its_first_matrix_learns_from_compressed_inputs():
    velora, lora = (changed(name, rank=4, alpha=4) for name in ("velora", "loraplus"))
    assert contracts.close(contracts.logits(velora.model), contracts.logits(lora.model))
    for trial in (velora, lora):
        trial.model.train()(**toy.batches()[0]).loss.backward()
    same = {end: contracts.close(_gradient(velora, end), _gradient(lora, end)) for end in ("lora_A", "lora_B")}
    assert same == {"lora_A": False, "lora_B": True}


def _gradient(trial, end):
    return next(p.grad for name, p in trial.model.named_parameters() if f"{QUERY}.{end}" in name)


def test_unilora_lays_its_vector_out_by_the_seed_of_the_run():
    first, second = (contracts.having(CLASSES["unilora"], rank=2), contracts.having(CLASSES["unilora"], rank=2))
    one, other = contracts.instance(first, 0), contracts.instance(second, 1)
    answers = []
    for method in (one, other):
        set_seed(0)
        answers.append(contracts.logits(method.build(toy.copy_of_base()).eval()))
    assert not contracts.close(*answers)


def test_vblora_and_unilora_keep_what_all_layers_share_in_one_tensor():
    assert len(start("unilora").trainable) == 1
    assert len([name for name in start("vblora").trainable if "vector_bank" in name]) == 1


@torch.no_grad()
def test_monteclora_draws_its_weights_in_training_only():
    layer = query(changed("monteclora"))
    given = torch.ones(1, 64)
    assert torch.equal(layer(given), layer(given))
    layer.train()
    assert not torch.equal(layer(given), layer(given))
