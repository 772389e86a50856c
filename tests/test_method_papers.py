"""What the papers say of methods, where a line can say it: scales, starts, ranks, rotations, what learns faster."""

import re
from types import SimpleNamespace

import contracts
import pytest
import torch
from contracts import CPU, PROMPT, STEPS
from peft.optimizers.lorafa import LoraFAOptimizer
from transformers import set_seed
from zoo import CLASSES, trained

from harness.budget import Batches
from harness.method import Unsupported
from harness.suite import Budget

QUERY = "encoder.block.0.layer.0.SelfAttention.q"
SECOND = "encoder.block.1.layer.0.SelfAttention.q"
WEIGHT = contracts.base().get_submodule(QUERY).weight.detach()  # 32 rows, 64 columns


def start(name, **values):
    """The method as it starts, with other hyper-parameters."""
    return contracts.built(contracts.having(CLASSES[name], **values))


def changed(name, size=0.1, **values):
    """The method with everything trainable changed."""
    return contracts.shaken(contracts.having(CLASSES[name], **values), size)


def query(trial, name=QUERY):
    """The adapted layer of a trial."""
    return contracts.plain(trial.model).get_submodule(name)


@torch.no_grad()
def weight(layer):
    """The matrix that a layer multiplies its input with, found by asking it."""
    return (layer(torch.eye(64)) - layer(torch.zeros(1, 64))).T


def update(name, **values):
    """What a changed method adds to the weight of a layer."""
    return weight(query(changed(name, **values))) - WEIGHT


def factors(layer):
    """LoRA's two matrices."""
    return layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()


def rank(matrix):
    """The rank, but for what rounding adds."""
    return int(torch.linalg.matrix_rank(matrix, rtol=1e-4))


def rates(trial):
    """The learning rate of each trainable parameter in the method's optimiser."""
    names = {id(parameter): name for name, parameter in trial.model.named_parameters()}
    groups = trial.method.optimizer(trial.model).param_groups
    return {names[id(parameter)]: group["lr"] for group in groups for parameter in group["params"]}


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
    trial.method.train(trial.model, Batches(contracts.endless(), budget, CPU))
    return found


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
    inputs = torch.cat([inputs_of_query(contracts.base(), batch) for batch in contracts.batches()])
    a, b = factors(query(start("eva", rank=4)))
    a = torch.nn.functional.normalize(a)
    centred = inputs - inputs.mean(0)
    explained = float((centred @ a.T).square().sum() / centred.square().sum())
    best = torch.linalg.svdvals(centred).square()
    assert torch.allclose(a @ a.T, torch.eye(4), atol=1e-3)
    assert explained == pytest.approx(float(best[:4].sum() / best.sum()), rel=0.02)
    assert not b.any()


def test_eva_refuses_a_rank_for_which_no_batch_has_enough_tokens():
    few = [{name: tensor[:1] for name, tensor in batch.items()} for batch in contracts.batches()]
    most = max(int((batch["labels"] >= 0).sum()) for batch in few)
    with pytest.raises(ValueError, match=f"rank = {most + 1}: expected at most {most}"):
        contracts.built(contracts.having(CLASSES["eva"], rank=most + 1), seen=few)


def test_corda_takes_what_the_weight_mainly_does_to_the_inputs_and_leaves_the_base_the_rest():
    inputs = torch.cat([inputs_of_query(contracts.base(), batch) for batch in contracts.batches()])
    covariance = inputs.T @ inputs
    rest = query(start("corda", rank=4)).base_layer.weight @ covariance
    values = torch.linalg.svdvals(WEIGHT @ covariance)
    assert float(rest.norm()) == pytest.approx(float(values[4:].norm()), rel=0.05)


def test_lora_ga_starts_along_the_gradient_of_all_batches():
    model = contracts.copy_of_base()
    for batch in contracts.batches():
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


def test_layerwise_decay_slows_each_layer_by_as_much_as_lies_above_it():
    found = rates(start("layerwise_decay", learning_rate=1e-2, decay=0.5))
    by_depth = {1e-2: set(), 5e-3: set(), 2.5e-3: set()}
    for name, rate in found.items():
        by_depth[rate].add(re.sub(r"(block\.\d+|layer_norm|lm_head|shared).*", r"\1", name))
    assert by_depth == {
        1e-2: {"encoder.block.1", "decoder.block.1", "encoder.final_layer_norm", "decoder.final_layer_norm", "lm_head"},
        5e-3: {"encoder.block.0", "decoder.block.0"},
        2.5e-3: {"shared"},
    }


def test_velora_answers_as_lora_does_but_its_first_matrix_learns_from_compressed_inputs():
    velora, lora = (changed(name, rank=4, alpha=4) for name in ("velora", "loraplus"))
    assert contracts.close(contracts.logits(velora.model), contracts.logits(lora.model))
    for trial in (velora, lora):
        trial.model.train()(**contracts.batches()[0]).loss.backward()
    same = {end: contracts.close(_gradient(velora, end), _gradient(lora, end)) for end in ("lora_A", "lora_B")}
    assert same == {"lora_A": False, "lora_B": True}


def _gradient(trial, end):
    return next(p.grad for name, p in trial.model.named_parameters() if f"{QUERY}.{end}" in name)


def test_oft_turns_the_inputs_within_blocks_and_keeps_every_length():
    turned = _turn(query(changed("oft", size=0.01, block_size=16)))
    blocks = torch.block_diag(*[torch.ones(16, 16)] * 4)
    assert torch.allclose(turned @ turned.T, torch.eye(64), atol=1e-3)
    assert torch.equal(turned != 0, blocks != 0)


@torch.no_grad()
def _turn(layer):
    """What a layer turns its inputs by, found by making its own weight the identity, one half after the other."""
    turned = []
    for rows in (0, 32):
        layer.base_layer.weight.copy_(torch.eye(64)[rows : rows + 32])
        turned.append(weight(layer))
    return torch.cat(turned)


def test_hra_reflects_along_as_many_directions_as_it_is_told():
    layer = query(changed("hra", size=0.5, reflections=4))
    chain = torch.eye(64)
    for direction in torch.nn.functional.normalize(layer.hra_u["default"].detach(), dim=0).T:
        chain = chain @ (torch.eye(64) - 2 * torch.outer(direction, direction))
    assert contracts.close(weight(layer), WEIGHT @ chain, 1e-3)


def test_psoft_changes_the_weight_within_its_principal_subspace():
    change = update("psoft", rank=4)
    u, _, v = torch.linalg.svd(WEIGHT, full_matrices=False)
    assert contracts.close(u[:, :4] @ u[:, :4].T @ change @ v[:4].T @ v[:4], change, 1e-2)


def test_osf_trains_away_from_the_leading_directions_and_changes_little_along_them():
    change = weight(query(contracts.trained(contracts.having(CLASSES["osf"], kept=0.25)))) - WEIGHT
    u, _, v = torch.linalg.svd(WEIGHT, full_matrices=False)
    along = [float(part.norm() / change.norm()) for part in (u[:, :8].T @ change, change @ v[:8].T)]
    assert max(along) < 0.2  # by chance half; Adam's own scaling is what is left


def test_road_turns_and_stretches_pairs_of_outputs():
    turned = weight(query(changed("road", group_size=32))) @ torch.linalg.pinv(WEIGHT)
    first, second = torch.arange(16), torch.arange(16, 32)
    pairs = torch.eye(32)
    pairs[first, second] = pairs[second, first] = 1
    assert float((turned * (1 - pairs)).abs().max()) < 1e-3
    assert torch.allclose(turned[first, first], turned[second, second], atol=1e-3)
    assert torch.allclose(turned[first, second], -turned[second, first], atol=1e-3)


def test_beft_adds_a_bias_and_leaves_the_weight():
    value = query(changed("beft"), QUERY[:-1] + "v")
    own = contracts.base().get_submodule(QUERY[:-1] + "v").weight
    assert contracts.close(weight(value), own)
    assert value(torch.zeros(1, 64)).all()


@pytest.mark.parametrize("name", ["k", "v"])
def test_ia3_rescales_the_keys_and_values_that_come_out(name):
    where = f"decoder.block.1.layer.1.EncDecAttention.{name}"
    ratio = weight(query(changed("ia3"), where)) / contracts.base().get_submodule(where).weight
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), atol=1e-3)
    assert len(set(ratio[:, 0].tolist())) == 32


@torch.no_grad()
def test_ia3_rescales_the_activations_that_go_into_the_last_feed_forward_layer():
    layer = query(changed("ia3"), where := "encoder.block.0.layer.1.DenseReluDense.wo")
    ratio = layer(torch.eye(48)).T / contracts.base().get_submodule(where).weight
    assert torch.allclose(ratio, ratio[:1].expand_as(ratio), atol=1e-3)
    assert len(set(ratio[0].tolist())) == 48


def test_boft_asks_for_its_blocks_and_factors_where_its_kernel_can_be_built(monkeypatch):
    monkeypatch.setattr("torch.utils.cpp_extension.CUDA_HOME", "/usr/local/cuda")
    monkeypatch.setattr("torch.utils.cpp_extension.is_ninja_available", lambda: True)
    method = contracts.instance(contracts.having(CLASSES["boft"], block_size=4, butterfly_factors=3))
    config = method.config(SimpleNamespace(device=torch.device("cuda")))
    assert (config.boft_block_size, config.boft_n_butterfly_factor) == (4, 3)
    assert config.target_modules == {"q", "v"}


def test_c3a_updates_by_blocks_that_are_circulant():
    block = update("c3a", block_size=16)[:16, 16:32]
    assert torch.allclose(block, block.roll((1, 1), (0, 1)), atol=1e-4)


def test_fourierft_changes_as_few_frequencies_as_it_is_told():
    spectrum = torch.fft.fft2(update("fourierft", frequencies=10))
    assert 10 <= int((spectrum.abs() > 1e-3 * spectrum.abs().max()).sum()) <= 20  # a real matrix mirrors each


def test_waveft_trains_as_many_coefficients_of_each_weight_as_it_is_told():
    assert query(start("waveft", frequencies=10)).waveft_spectrum["default"].numel() == 10


def test_miss_repeats_one_small_matrix_over_the_shards_of_a_weight():
    change = update("miss", rank=16)
    assert contracts.close(change.roll(16, 1), change, 1e-3) or contracts.close(change.roll(16, 0), change, 1e-3)


def test_shira_trains_as_many_random_entries_as_lora_has_and_others_for_another_seed():
    first, second = (_support("shira", seed, rank=2) for seed in (0, 1))
    assert int(first.sum()) == int(second.sum()) == 2 * (32 + 64)
    assert not torch.equal(first, second)


def _support(name, seed, **values):
    """Where a method changes a weight; the run's seed is the only one that differs."""
    cls = contracts.having(CLASSES[name], **values)
    method, model = contracts.instance(cls, seed), contracts.copy_of_base()
    set_seed(0)
    model = method.build(model).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 1
    return (weight(contracts.plain(model).get_submodule(QUERY)) - WEIGHT).abs() > 1e-4


def test_unilora_lays_its_vector_out_by_the_seed_of_the_run():
    first, second = (contracts.having(CLASSES["unilora"], rank=2), contracts.having(CLASSES["unilora"], rank=2))
    one, other = contracts.instance(first, 0), contracts.instance(second, 1)
    answers = []
    for method in (one, other):
        set_seed(0)
        answers.append(contracts.logits(method.build(contracts.copy_of_base()).eval()))
    assert not contracts.close(*answers)


def test_supertuning_trains_the_largest_entries_of_a_weight():
    support = update("supertuning", sparsity=0.75).abs() > 1e-6
    assert int(support.sum()) == 32 * 64 // 4
    assert WEIGHT.abs()[support].min() >= WEIGHT.abs()[~support].max()


@pytest.mark.parametrize("name", ["vera", "pvera"])
def test_vera_shares_its_random_matrices_between_layers_and_trains_none_of_them(name):
    trial = start(name)
    one, other = (query(trial, layer) for layer in (QUERY, SECOND))
    shared = name + "_A"
    assert getattr(one, shared)["default"] is getattr(other, shared)["default"]
    assert not [key for key in trial.trainable if shared in key or name + "_B" in key]


def test_vblora_and_unilora_keep_what_all_layers_share_in_one_tensor():
    assert len(start("unilora").trainable) == 1
    assert len([name for name in start("vblora").trainable if "vector_bank" in name]) == 1


@pytest.mark.parametrize("name", ["prompt_tuning", "p_tuning", "multitask_prompt_tuning"])
def test_virtual_tokens_stand_before_the_input_of_the_encoder_alone(name):
    lengths = _lengths_seen(start(name, virtual_tokens=7).model)
    plain = _lengths_seen(contracts.copy_of_base())
    assert lengths == (plain[0] + 7, plain[1])


def _lengths_seen(model):
    """How many positions the first blocks of the encoder and of the decoder see."""
    seen = []
    for stack in (contracts.plain(model).encoder, contracts.plain(model).decoder):
        stack.block[0].register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    contracts.logits(model)
    return tuple(seen)


@pytest.mark.parametrize("name", ["cartridge", "prefix_tuning"])
def test_virtual_keys_and_values_stand_before_every_layer_of_the_decoder(name):
    cache = start(name, virtual_tokens=7).model.get_prompt(2)
    assert [cache.self_attention_cache.get_seq_length(layer) for layer in (0, 1)] == [7, 7]
    assert cache.cross_attention_cache.get_seq_length() == 0


@pytest.mark.parametrize("name", ["cartridge", "multitask_prompt_tuning", "prefix_tuning", "prompt_tuning"])
def test_every_virtual_token_gets_a_gradient(name):
    model = start(name).model
    model(**contracts.batches()[0]).loss.backward()
    gradients = [p.grad for p in model.parameters() if p.requires_grad and p.shape[0] in (19, 20)]
    assert gradients
    assert min(float(gradient.abs().sum(1).min()) for gradient in gradients) > 0


def test_cartridge_freezes_its_first_places():
    trial = start("cartridge", virtual_tokens=7, frozen_tokens=2)
    sizes = [len(tensor) for name, tensor in trial.weights.items() if "prompt_encoder" in name and tensor.ndim == 2]
    assert sorted(sizes) == [2, 5]
    assert [len(trial.weights[name]) for name in trial.trainable] == [5]


def test_trainable_tokens_are_those_of_the_instruction():
    before, after = (
        contracts.plain(trial.model).encoder.embed_tokens
        for trial in (start("trainable_tokens"), changed("trainable_tokens"))
    )
    every = torch.arange(3072)
    moved = (before(every) != after(every)).any(1).nonzero().flatten()
    assert set(moved.tolist()) == set(contracts.tokenizer()(PROMPT.fill(""))["input_ids"])


@torch.no_grad()
def test_monteclora_draws_its_weights_in_training_only():
    layer = query(changed("monteclora"))
    given = torch.ones(1, 64)
    assert torch.equal(layer(given), layer(given))
    layer.train()
    assert not torch.equal(layer(given), layer(given))


def test_full_finetune_trains_every_weight():
    trial = trained("full_finetune")
    assert trial.trainable == set(trial.weights)
    assert all(
        not torch.equal(tensor, trial.started[name]) for name, tensor in trial.weights.items() if tensor.ndim == 2
    )


def test_lm_head_cannot_be_trained_alone_where_it_is_the_embedding():
    model = contracts.copy_of_base()
    model.lm_head.weight = model.get_input_embeddings().weight
    with pytest.raises(Unsupported, match="tied"):
        contracts.instance(CLASSES["lm_head"]).build(model)


def test_last_layers_are_one_at_least():
    with pytest.raises(ValueError, match="layers = 0: expected one at least"):
        start("last_layers", layers=0)


def test_last_layers_are_counted_from_the_top():
    names = {name for name in start("last_layers", layers=2).trainable if "block" in name}
    assert {re.sub(r"(\d).*", r"\1", name) for name in names} == {
        f"{stack}.block.{number}" for stack in ("encoder", "decoder") for number in (0, 1)
    }


def test_the_micro_batches_of_the_suite_reach_the_model():
    trial, rows = start("lora"), []
    method = contracts.instance(CLASSES["lora"], micro_batch_size=1)
    trial.model.register_forward_pre_hook(lambda _, __, given: rows.append(len(given["labels"])), with_kwargs=True)
    method.train(trial.model, trial.batches)
    assert rows == [1] * 4 * STEPS
