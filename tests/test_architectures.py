"""On every architecture, a method trains what it says, or says why it cannot."""

from functools import cache

import pytest
import torch
from transformers import set_seed

from harness.catalogue.architectures import ALL, DECODER_ONLY, ENCODER_DECODER, tiny
from harness.method import Method, Model, Parts, Unsupported, parts
from harness.models.causal import CausalFamily
from harness.spec.suite import Budget
from harness.training.budget import Batches
from support import contracts
from support.toy import CPU, tokenizer
from support.zoo import CLASSES

EVERY = pytest.mark.parametrize("name", ALL)
FIXED = {"pegasus", "marian"}  # compute their positions instead of learning them


@cache
def found(name: str) -> Parts:
    return parts(tiny(name))


def method_on(name: str, method: str, **values: float) -> Method:
    """A method as a run on that architecture sets it up, with these hyper-parameters."""
    family = CausalFamily(tokenizer()) if name in DECODER_ONLY else None
    return contracts.instance(contracts.having(CLASSES[method], **values), family=family)


def built(method: str, name: str) -> tuple[Method, Model]:
    instance = method_on(name, method)
    return instance, instance.build(tiny(name))


def trained(method: str, name: str) -> set[str]:
    """The parameters that a method would train, by their names in the base."""
    return {own for own, parameter in built(method, name)[1].named_parameters() if parameter.requires_grad}


def within(name: str, modules: list[str]) -> set[str]:
    return {own for own, _ in tiny(name).named_parameters() if own.startswith(tuple(f"{each}." for each in modules))}


def elements(model: Model, names: set[str] | None = None) -> int:
    """How many elements the named parameters have; without names, those that are trained."""
    return sum(
        parameter.numel()
        for own, parameter in model.named_parameters()
        if (parameter.requires_grad if names is None else own in names)
    )


def norms(name: str) -> set[str]:
    return within(name, [own for own, roles in found(name).roles.items() if "norm" in roles])


@EVERY
def test_full_finetuning_and_layerwise_decay_train_all_that_the_model_learned(name):
    positions = {own for own, _ in tiny(name).named_parameters() if name in FIXED and "embed_positions" in own}
    learned = {own for own, _ in tiny(name).named_parameters()} - positions
    assert trained("full_finetune", name) == trained("layerwise_decay", name) == learned
    assert bool(positions) == (name in FIXED)


@EVERY
def test_layerwise_decay_halves_the_rate_of_each_block_below_and_of_the_embeddings(name):
    method = method_on(name, "layerwise_decay", learning_rate=1.0, decay=0.5)
    model = method.build(tiny(name))
    names = {id(parameter): own for own, parameter in model.named_parameters()}
    groups = method.optimizer(model).param_groups
    rates = {names[id(parameter)]: group["lr"] for group in groups for parameter in group["params"]}
    lower, upper = ([blocks[place] for blocks in found(name).blocks.values()] for place in (0, 1))
    assert {rates[own] for own in within(name, lower)} == {0.5}
    assert {rates[own] for own in within(name, upper)} == {1.0}
    assert {rates[own] for own in within(name, found(name).inputs) if own in rates} == {0.25}
    around = rates.keys() - within(name, [*lower, *upper, *found(name).inputs])
    assert {rates[own] for own in around} <= {1.0}


@EVERY
def test_bitfit_trains_biases_and_norms(name):
    biases = {own for own, _ in tiny(name).named_parameters() if "bias" in own}
    if name == "olmo":
        with pytest.raises(Unsupported, match="olmo that has weights is known to have the role 'norm'"):
            built("bitfit", name)
    else:
        assert trained("bitfit", name) == biases | norms(name)


@pytest.mark.parametrize("name", [name for name in ALL if name != "olmo"])
def test_ln_tuning_trains_all_norms(name):
    assert elements(built("ln_tuning", name)[1]) == elements(tiny(name), norms(name)) > 0


@EVERY
def test_last_layers_trains_the_upper_block_of_each_stack_and_the_norms_above(name):
    top = [blocks[-1] for blocks in found(name).blocks.values()]
    final = [norm for stack in found(name).final_norms.values() for norm in stack]
    assert trained("last_layers", name) == within(name, [*top, *final])


@EVERY
def test_decoder_only_trains_the_decoders_blocks_where_there_is_an_encoder(name):
    if name in DECODER_ONLY:
        with pytest.raises(Unsupported, match="no encoder"):
            built("decoder_only", name)
    else:
        own = [*found(name).blocks["decoder"], *found(name).final_norms["decoder"]]
        assert trained("decoder_only", name) == within(name, own)


@EVERY
def test_cross_attention_trains_projections_that_read_the_encoder_where_there_is_one(name):
    if name in DECODER_ONLY:
        with pytest.raises(Unsupported, match="no cross-attention"):
            built("cross_attention", name)
    else:
        assert trained("cross_attention", name) == within(name, found(name).cross)


@EVERY
def test_lm_head_trains_the_output_layer_unless_it_is_tied(name):
    model = tiny(name)
    head = model.get_output_embeddings().weight
    owners = [own for own, parameter in model.named_parameters(remove_duplicate=False) if parameter is head]
    if len(owners) > 1:
        with pytest.raises(Unsupported, match="tied to the input embedding"):
            built("lm_head", name)
    else:
        assert trained("lm_head", name) == within(name, [owners[0].removesuffix(".weight")])


@EVERY
def test_lora_adapts_queries_and_values_and_ia3_keys_values_and_inner_activations(name):
    roles = {"lora": ("query", "value"), "ia3": ("key", "value", "ff_out")}
    for method, expected in roles.items():
        if (method, name) != ("ia3", "mixtral"):  # whose experts are one tensor
            config = method_on(name, method).config(tiny(name))
            ends = tuple(f".{end}" for end in config.target_modules)
            adapted = [own for own, _ in tiny(name).named_modules() if f".{own}".endswith(ends)]
            assert adapted == found(name).modules(*expected)


@pytest.mark.parametrize("name", ENCODER_DECODER)
@pytest.mark.parametrize("method", ["prompt_tuning", "prefix_tuning"])
def test_virtual_tokens_fit_the_architecture(name, method):
    if (name, method) in {("prophetnet", "prefix_tuning"), ("pegasus", "prompt_tuning"), ("marian", "prompt_tuning")}:
        with pytest.raises(Unsupported, match=r"several tokens behind its cache|scales its embeddings"):
            built(method, name)
        return
    model, batch = built(method, name)[1], of_both_sides()
    model(**batch).loss.backward()
    missing = [own for own, each in model.named_parameters() if each.requires_grad and not each.grad.any()]
    assert missing == []


@pytest.mark.parametrize(
    ("method", "name", "layers"),
    [
        ("hra", "gpt2", "Conv1D"),
        ("kasa", "gpt2", "Conv1D"),
        ("olora", "gpt2", "Conv1D"),
        ("osf", "gpt2", "Conv1D"),
        ("glora", "falcon", "FalconLinear"),
    ],
)
def test_a_method_of_peft_that_cannot_adapt_some_kind_of_layers_says_so(method, name, layers):
    with pytest.raises(Unsupported, match=f"^PEFT has no such adapter for {layers} layers"):
        built(method, name)


@pytest.mark.parametrize("name", ["llama", "mistral", "gpt2"])
@pytest.mark.parametrize("method", ["adaption_prompt", "cpt"])
def test_methods_for_decoder_only_models_lower_the_loss_and_train_what_they_add(name, method):
    instance, base, batches = method_on(name, method, learning_rate=0.1), tiny(name), [joined(), joined()]
    set_seed(0)
    instance.prepare(base, batches)
    model = instance.build(base)
    started = {own: each.detach().clone() for own, each in model.named_parameters()}
    before = model(**batches[0]).loss.item()
    instance.train(model, Batches(iter(batches * 10), Budget(max_steps=20), CPU, instance.setting.family.row_tokens))
    moved = {own for own, each in model.named_parameters() if not torch.equal(each, started[own])}
    assert model(**batches[0]).loss.item() < before
    assert moved == {own for own, each in model.named_parameters() if each.requires_grad}
    assert all("adaption_" in own if method == "adaption_prompt" else "delta_embedding" in own for own in moved)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_adaption_prompts_start_as_the_base(name):
    model = built("adaption_prompt", name)[1]
    assert contracts.close(contracts.logits(model, joined()), contracts.logits(tiny(name), joined()))


def test_adaption_prompts_stand_in_the_upper_layers_alone():
    method = method_on("llama", "adaption_prompt", share=0.5, virtual_tokens=3)
    added = {own: each.shape for own, each in method.build(tiny("llama")).named_parameters() if each.requires_grad}
    assert all("layers.1." in own for own in added)
    assert torch.Size([1, 3, 32]) in added.values()


def test_cpt_begins_with_its_context_which_keeps_its_labels():
    method = method_on("llama", "cpt")
    batch = joined()
    method.prepare(tiny("llama"), [batch])
    config = method.config(tiny("llama"))
    given = batch["attention_mask"].bool()
    assert config.cpt_token_ids == [*batch["input_ids"][0][given[0]].tolist(), *batch["input_ids"][1].tolist()]
    assert config.cpt_tokens_type_mask == [2] * 6 + [4] * 4 + [6] * 6 + [8] * 6


def joined() -> dict[str, torch.Tensor]:
    """Two rows for a decoder-only model: six tokens of a prompt, of which no label is asked, and what follows."""
    ids = torch.arange(24).reshape(2, 12) + 5
    mask, labels = torch.ones_like(ids), ids.clone()
    mask[0, 10:], labels[0, 10:], labels[:, :6] = 0, -100, -100
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def of_both_sides() -> dict[str, torch.Tensor]:
    """Two rows for an encoder-decoder."""
    source, target = torch.arange(16).reshape(2, 8) + 5, torch.arange(10).reshape(2, 5) + 5
    return {"input_ids": source, "attention_mask": torch.ones_like(source), "labels": target}
