"""The parts of a model by role, held against what its modules are and do, for each architecture."""

import re
from functools import cache

import pytest
import torch
from peft.utils import constants
from torch.nn import Embedding, Linear
from transformers import (
    DeepseekV2Config,
    DeepseekV2ForCausalLM,
    Lfm2Config,
    Lfm2ForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedModel,
)
from transformers.pytorch_utils import Conv1D

from harness.catalogue.architectures import ALL, DECODER_ONLY, ENCODER_DECODER, tiny
from harness.models.parts import ATTENTION, FEED_FORWARD, Parts, cache_shape, parts, targets
from harness.spec.errors import Unsupported

EVERY = pytest.mark.parametrize("name", ALL)
SOURCE_TOKENS, TARGET_TOKENS = 8, 5
MATRICES = Linear | Conv1D | Embedding
NO_ROLE = {  # matrices of blocks that are neither attention's projections nor the feed-forward part's
    "led": r"_global$",  # for global attention, which nobody asks it for
    "prophetnet": r"self_attn\.relative_pos_embeddings$",
    "mixtral": r"mlp\.(gate|experts)$",  # the router, and a tensor that holds all experts
}
NO_NORMS = r"cls\.predictions$|mlp\.(gate|experts)$"  # have weights of their own, although they are no matrices


@cache
def model(name: str) -> PreTrainedModel:
    """The model of that name; not to be changed."""
    return tiny(name)


@cache
def found(name: str) -> Parts:
    return parts(model(name))


def module_names(name: str) -> list[str]:
    return [module for module, _ in model(name).named_modules()]


def all_blocks(name: str) -> list[str]:
    return [block for stack in found(name).blocks.values() for block in stack]


def inside(module: str, blocks: list[str]) -> bool:
    return module.startswith(tuple(f"{block}." for block in blocks))


@cache
def calls(name: str) -> dict[str, torch.Size]:
    """The modules that the model calls, in their order, with the shape of what each is given first."""
    called: dict[str, torch.Size] = {}

    def note(module: str, args: tuple, kwargs: dict) -> None:
        shapes = (each.shape for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor))
        called[module] = next(shapes, torch.Size())

    hooks = [
        module.register_forward_pre_hook(lambda _, args, kwargs, own=own: note(own, args, kwargs), with_kwargs=True)
        for own, module in model(name).named_modules()
    ]
    source, target = torch.arange(SOURCE_TOKENS)[None] + 3, torch.arange(TARGET_TOKENS)[None] + 3
    both = {"input_ids": source, "decoder_input_ids": target} if name in ENCODER_DECODER else {"input_ids": source}
    with torch.no_grad():
        model(name)(**both)
    for hook in hooks:
        hook.remove()
    return called


@EVERY
def test_every_attention_has_its_query_key_value_and_output(name):
    roles = found(name).roles
    for block in all_blocks(name):
        projections = [module for module in roles if inside(module, [block]) and roles[module] & set(ATTENTION)]
        crossing = [module for module in projections if module in found(name).cross]
        of_itself = [module for module in projections if module not in crossing]
        assert set().union(*(roles[module] for module in of_itself)) == set(ATTENTION)
        if name in ENCODER_DECODER and block in found(name).blocks["decoder"]:
            assert set().union(*(roles[module] for module in crossing)) == set(ATTENTION)


@EVERY
def test_every_matrix_of_a_block_belongs_to_attention_or_to_the_feed_forward_part(name):
    matrices = {
        own: found(name).roles.get(own, frozenset())
        for own, module in model(name).named_modules()
        if inside(own, all_blocks(name)) and not isinstance(module, Embedding)
        if any(parameter.dim() > 1 for parameter in module.parameters(recurse=False))
    }
    odd = {matrix for matrix in matrices if re.search(NO_ROLE.get(name, "$^"), matrix)}
    belongs = {
        matrix: [bool(roles & set(ATTENTION)), bool(roles & set(FEED_FORWARD))] for matrix, roles in matrices.items()
    }
    assert {matrix for matrix, either in belongs.items() if sum(either) != 1} == odd
    assert [roles for matrix, roles in matrices.items() if matrix in odd and roles] == []
    assert bool(odd) == (name in NO_ROLE)


@EVERY
def test_the_norms_are_all_modules_that_have_weights_and_are_no_matrices(name):
    expected = [
        own
        for own, module in model(name).named_modules()
        if [*module.parameters(recurse=False)] and not isinstance(module, MATRICES) and not re.search(NO_NORMS, own)
    ]
    norms = [module for module, roles in found(name).roles.items() if "norm" in roles]
    assert norms == expected
    assert bool(norms) == (name != "olmo")  # whose norms have no weights


@EVERY
def test_the_blocks_of_each_stack_are_called_from_first_to_last(name):
    assert {stack: len(blocks) for stack, blocks in found(name).blocks.items()} == (
        {"encoder": 2, "decoder": 2} if name in ENCODER_DECODER else {"decoder": 2}
    )
    assert [module for module in calls(name) if module in all_blocks(name)] == all_blocks(name)


@EVERY
def test_inputs_are_called_before_the_blocks_of_their_stack_and_final_norms_after_them(name):
    order, inputs, final = list(calls(name)), found(name).inputs, found(name).final_norms
    norms = [norm for stack in final.values() for norm in stack]
    for module in [module for module in order if module in (*inputs, *norms)]:
        stack = "decoder" if name in DECODER_ONLY or "decoder." in module else "encoder"
        before = order.index(module) < order.index(found(name).blocks[stack][0])
        assert (module in inputs, module in final[stack]) == (before, not before)
    norms_around = {
        each for each, roles in found(name).roles.items() if "norm" in roles and not inside(each, all_blocks(name))
    }
    assert norms_around <= {*inputs, *norms} & set(order)
    assert set(found(name).token_embeddings.values()) <= {*inputs} & set(order)


@EVERY
def test_cross_attention_is_what_reads_its_keys_from_the_encoder(name):
    keys = [module for module, roles in found(name).roles.items() if "key" in roles]
    reading = [module for module in keys if inside(module, found(name).blocks["decoder"])]
    reading = [module for module in reading if calls(name)[module][-2] == SOURCE_TOKENS]
    assert [module for module in keys if module in found(name).cross] == (reading if name in ENCODER_DECODER else [])
    assert len(found(name).cross) == (0 if name in DECODER_ONLY else 6 if name == "bert2gpt2" else 8)


@EVERY
def test_embeddings_read_tokens_and_the_head_writes_them(name):
    for role in ("embedding", "head"):
        weights = [model(name).get_submodule(module).weight for module in found(name).modules(role)]
        assert {len(weight) for weight in weights} == {model(name).config.get_text_config(decoder=True).vocab_size}
    assert set(found(name).modules("head")) <= set(calls(name))


@EVERY
def test_targets_match_the_modules_of_their_role_and_no_others(name):
    for role in (*ATTENTION, *FEED_FORWARD, "norm", "embedding", "head"):
        if (name, role) not in {("olmo", "norm"), ("mixtral", "ff_in"), ("mixtral", "ff_out")}:
            ends = tuple(f".{end}" for end in targets(model(name), role))
            assert [each for each in module_names(name) if f".{each}".endswith(ends)] == found(name).modules(role)


PEFT_DEFAULTS = {
    "LORA_TARGET": {*ATTENTION, *FEED_FORWARD},
    "ADALORA_TARGET": {*ATTENTION, *FEED_FORWARD},
    "IA3_TARGET": {*ATTENTION, *FEED_FORWARD},
    "IA3_FEEDFORWARD": {*FEED_FORWARD},
    "BEFT_TARGET": {"value"},
    "LNTUNING_TARGET": {"norm"},
}
KNOWN_TO_PEFT = [
    name for name, (kind, _) in ALL.items() if kind in constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
]


@pytest.mark.parametrize("name", KNOWN_TO_PEFT)
@pytest.mark.parametrize(("table", "roles"), PEFT_DEFAULTS.items())
def test_the_modules_that_peft_adapts_by_default_have_such_a_role(name, table, roles):
    defaults = getattr(constants, f"TRANSFORMERS_MODELS_TO_{table}_MODULES_MAPPING").get(ALL[name][0], [])
    adapted = {end: [module for module in module_names(name) if f".{module}".endswith(f".{end}")] for end in defaults}
    assert [module for modules in adapted.values() for module in modules if not found(name).roles[module] & roles] == []
    if table == "LORA_TARGET":  # other tables have names that no version or no variant of an architecture has
        assert all(adapted.values())


def renamed(name: str, **names: str) -> PreTrainedModel:
    """A model of an architecture that nobody knows: attention's modules have other names."""
    unknown = tiny(name)
    unknown.config.model_type = "novel"
    for module in list(unknown.modules()):
        for old, new in names.items():
            if old in dict(module.named_children()):
                setattr(module, new, getattr(module, old))
                delattr(module, old)
    return unknown


def test_an_unknown_architecture_has_the_roles_of_its_plain_names():
    plain = renamed("llama", self_attn="attention", q_proj="query", k_proj="key", v_proj="value", mlp="ffn")
    of_plain = parts(plain)
    assert of_plain.modules("value") == ["model.layers.0.attention.value", "model.layers.1.attention.value"]
    assert of_plain.modules("query", "key", "value", "output") == [
        f"model.layers.{block}.attention.{end}" for block in (0, 1) for end in ("o_proj", "query", "key", "value")
    ]
    assert targets(plain, "query", "ff_out") == ["query", "down_proj"]


def test_roles_that_cannot_be_told_from_the_names_are_listed_with_the_names():
    odd = parts(renamed("llama", q_proj="wq", v_proj="wv"))
    assert odd.modules("key", "output") == found("llama").modules("key", "output")
    with pytest.raises(Unsupported) as refused:
        odd.modules("query", "key", "value")
    assert str(refused.value) == (
        "no module of novel that has weights is known to have the role 'query' or 'value'; modules of its "
        "blocks that have no known role: self_attn.wq, self_attn.wv; a method that has target_modules can be told the "
        "names of modules instead"
    )


def test_a_model_without_norms_that_have_weights_has_no_modules_of_that_role():
    with pytest.raises(Unsupported, match=r"^no module of olmo that has weights is known to have the role 'norm'$"):
        found("olmo").modules("norm")


def test_a_role_that_one_of_the_stacks_lacks_is_missing():
    half = renamed("bart")
    for block in half.get_decoder().layers:
        block.add_module("lin1", block.fc1)
        del block.fc1
    with pytest.raises(Unsupported, match="'ff_in'; modules of its blocks that have no known role: lin1;"):
        parts(half).modules("ff_in")


def test_what_changes_the_embeddings_before_the_blocks_is_an_input():
    ends = ("embed_tokens", "embed_positions", "project_in")
    assert set(found("opt-350m").inputs) == {f"model.decoder.{end}" for end in ends}
    assert "model.encoder.layernorm_embedding" in found("bart").inputs


def test_blocks_are_the_longest_list_of_modules():
    longer = renamed("llama")
    longer.model.more = torch.nn.ModuleList([torch.nn.Linear(32, 32)])
    assert parts(longer).blocks == {"decoder": ["model.layers.0", "model.layers.1"]}


def test_a_model_whose_blocks_are_spread_over_several_lists_is_unsupported():
    split = renamed("llama")
    split.model.feed_forward = torch.nn.ModuleList([block.mlp for block in split.model.layers])
    with pytest.raises(
        Unsupported, match=r"novel has no single list of blocks; its lists: model\.layers, model\.feed_f"
    ):
        parts(split)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("t5", (2, 4, 8)),
        ("bart", (2, 4, 8)),
        ("t5gemma", (2, 2, 16)),
        ("gpt2", (2, 4, 8)),
        ("llama", (2, 2, 8)),  # two queries share a key
        ("qwen3", (2, 2, 16)),
        ("falcon", (2, 1, 8)),  # all queries share one
        ("falcon-40b", (2, 4, 8)),  # two share one, but each keeps its own
    ],
)
def test_the_shape_of_the_cache_is_what_the_decoder_keeps(name, shape):
    assert cache_shape(model(name)) == shape


def test_a_cache_behind_which_only_one_token_can_be_read_is_unsupported():
    with pytest.raises(Unsupported, match=r"^prophetnet cannot read several tokens behind its cache: "):
        cache_shape(model("prophetnet"))


SMALL = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "pad_token_id": 0}
ATTENDING = {"intermediate_size": 48, "num_attention_heads": 4}


@pytest.mark.parametrize(
    ("cls", "config"),
    [
        (Lfm2ForCausalLM, Lfm2Config(**SMALL, **ATTENDING, num_key_value_heads=2, full_attn_idxs=[1])),
        (MambaForCausalLM, MambaConfig(**SMALL, state_size=4, use_associative_scan=False)),
    ],
    ids=lambda value: getattr(value, "model_type", None),
)
def test_a_cache_of_more_than_keys_and_values_is_unsupported(cls, config):
    with pytest.raises(
        Unsupported, match=rf"^not every layer of {config.model_type} keeps keys and values, and nothing"
    ):
        cache_shape(cls(config))


def test_a_cache_whose_keys_and_values_differ_in_size_is_unsupported():
    latent = {"kv_lora_rank": 8, "q_lora_rank": 8, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8}
    config = DeepseekV2Config(**SMALL, **ATTENDING, **latent, first_k_dense_replace=2)
    with pytest.raises(Unsupported, match=r"^the layers of deepseek_v2 keep keys and values of several shapes$"):
        cache_shape(DeepseekV2ForCausalLM(config))


def test_targets_are_the_shortest_ends_that_fit():
    assert targets(model("t5"), "value", "query") == ["q", "v"]
    assert targets(model("gpt2"), "query", "value", "output") == ["c_attn", "attn.c_proj"]
    assert targets(model("gpt2"), "ff_out") == ["mlp.c_proj"]
    assert targets(model("gpt2"), "output", "ff_out") == ["c_proj"]
    assert targets(model("bert2gpt2"), "query") == ["query", "attn.c_attn", "q_attn"]
    assert targets(model("bert2bert"), "ff_out") == ["0.output.dense", "1.output.dense"]


def test_targets_that_are_no_roles_stay_as_they_are():
    assert targets(model("bart"), "q_proj", "model.encoder.layers.0.fc1") == ["q_proj", "model.encoder.layers.0.fc1"]
    assert targets(model("bart"), "lm_head", "value") == ["v_proj", "lm_head"]
