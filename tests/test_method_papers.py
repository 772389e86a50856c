"""What the papers say of other methods, where a line can say it: rotations, supports, virtual tokens, layers."""

import re

import pytest
import torch
from transformers import set_seed

from harness.method import Unsupported
from support import contracts, toy
from support.adapted import QUERY, SECOND, WEIGHT, changed, query, rates, start, update, weight
from support.contracts import STEPS
from support.zoo import CLASSES, trained


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
    own = toy.base().get_submodule(QUERY[:-1] + "v").weight
    assert contracts.close(weight(value), own)
    assert value(torch.zeros(1, 64)).all()


@pytest.mark.parametrize("name", ["k", "v"])
def test_ia3_rescales_the_keys_and_values_that_come_out(name):
    where = f"decoder.block.1.layer.1.EncDecAttention.{name}"
    ratio = weight(query(changed("ia3"), where)) / toy.base().get_submodule(where).weight
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), atol=1e-3)
    assert len(set(ratio[:, 0].tolist())) == 32


@torch.no_grad()
def test_ia3_rescales_the_activations_that_go_into_the_last_feed_forward_layer():
    layer = query(changed("ia3"), where := "encoder.block.0.layer.1.DenseReluDense.wo")
    ratio = layer(torch.eye(48)).T / toy.base().get_submodule(where).weight
    assert torch.allclose(ratio, ratio[:1].expand_as(ratio), atol=1e-3)
    assert len(set(ratio[0].tolist())) == 48


def test_boft_asks_for_its_blocks_and_factors_where_its_kernel_can_be_built(monkeypatch):
    monkeypatch.setattr("torch.utils.cpp_extension.CUDA_HOME", "/usr/local/cuda")
    monkeypatch.setattr("torch.utils.cpp_extension.is_ninja_available", lambda: True)
    method = contracts.instance(contracts.having(CLASSES["boft"], block_size=4, butterfly_factors=3))
    monkeypatch.setattr(type(toy.base()), "device", torch.device("cuda"))
    config = method.config(toy.base())
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
    method, model = contracts.instance(cls, seed), toy.copy_of_base()
    set_seed(0)
    model = method.build(model).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 1
    return (weight(contracts.plain(model).get_submodule(QUERY)) - WEIGHT).abs() > 1e-4


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


@pytest.mark.parametrize("name", ["prompt_tuning", "p_tuning", "multitask_prompt_tuning"])
def test_virtual_tokens_stand_before_the_input_of_the_encoder_alone(name):
    lengths = _lengths_seen(start(name, virtual_tokens=7).model)
    plain = _lengths_seen(toy.copy_of_base())
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
    model(**toy.batches()[0]).loss.backward()
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
    assert set(moved.tolist()) == set(toy.tokenizer()(toy.PROMPT.fill(""))["input_ids"])


def test_full_finetune_trains_every_weight():
    trial = trained("full_finetune")
    assert trial.trainable == set(trial.weights)
    assert all(
        not torch.equal(tensor, trial.started[name]) for name, tensor in trial.weights.items() if tensor.ndim == 2
    )


def test_lm_head_cannot_be_trained_alone_where_it_is_the_embedding():
    model = toy.copy_of_base()
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
