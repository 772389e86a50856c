"""The parts of a base model by role, for encoder-decoder and decoder-only models alike.

Blocks, norms, embeddings and the head follow from the structure of the model. The role of a module in attention or in
the feed-forward part of a block follows from its name: ``ATTENTION`` and ``FEED_FORWARD`` hold the names that the
architectures of transformers use.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias, get_args

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import LinearAttentionCacheLayerMixin
from transformers.pytorch_utils import Conv1D

from ..spec.errors import Unsupported, brief

Role: TypeAlias = Literal["query", "key", "value", "output", "ff_in", "ff_out", "norm", "embedding", "head"]

# What a module's name ends with. A fused projection has the role of each of its parts; the cross-attention of GPT-2
# has its query apart.
FUSED = r"c_attn|qkv_proj|query_key_value|Wqkv"
LATENT = r"kv_a_proj_with_mqa|kv_b_proj"  # of keys and values at once
ATTENTION: Mapping[Role, str] = {
    "query": rf"q|q_proj|q_[ab]_proj|query|query_proj|q_attn|(?<!crossattention\.)({FUSED})",
    "key": rf"k|k_proj|{LATENT}|key|key_proj|{FUSED}",
    "value": rf"v|v_proj|{LATENT}|value|value_proj|{FUSED}",
    "output": r"o|o_proj|out_proj|c_proj|dense|output",
}
FEED_FORWARD: Mapping[Role, str] = {
    "ff_in": r"wi|wi_0|wi_1|w1|w3|fc1|fc_in|c_fc|gate_proj|up_proj|gate_up_proj|dense_h_to_4h|intermediate(\.dense)?",
    "ff_out": r"wo|w2|fc2|fc_out|c_proj|down_proj|dense_4h_to_h|output(\.dense)?",
}
IN_ATTENTION = re.compile(r"att\w*\.", re.IGNORECASE)  # in the path to a projection of attention, and to no other
CROSS = re.compile(r"(cross_?|encdec|encoder_)att\w*\.", re.IGNORECASE)
OF_EMBEDDINGS = re.compile(r"emb|project_in$")  # in the names of their norms and projections
MAX_LISTED_CHARACTERS = 300  # in a message
ANY_TOKEN = 3  # in every vocabulary; in some it pads, which makes no difference to the shape of what is kept


@dataclass(frozen=True)
class Parts:
    """Names of modules as in ``model.named_modules()``, in the model's order."""

    architecture: str  # transformers' name, such as "t5"
    roles: Mapping[str, frozenset[Role]]  # of every module that has any
    blocks: Mapping[str, Sequence[str]]  # of "encoder", if there is one, and of "decoder", from bottom to top
    token_embeddings: Mapping[str, str]  # what the encoder and the decoder read their tokens with
    inputs: Sequence[str]  # what lies below the blocks: embeddings of any kind, their norms and projections
    final_norms: Mapping[str, Sequence[str]]  # of each stack, above its blocks
    cross: Sequence[str]  # the projections of cross-attention
    others: Sequence[str]  # modules without a role, by their names within a block

    def modules(self, *roles: Role) -> list[str]:
        """The modules that have one of these roles; raises ``Unsupported`` if there are none for one of the roles.

        A fused projection is listed once, although it is query, key and value.
        """
        if missing := [role for role in roles if not self._has(role)]:
            wanted = " or ".join(map(repr, missing))
            reason = f"no module of {self.architecture} that has weights is known to have the role {wanted}"
            hint = "; a method that has target_modules can be told the names of modules instead"
            listed = f"; modules of its blocks that have no known role: {_listed(self.others)}{hint}"
            raise Unsupported(f"{reason}{listed if self.others else ''}")
        return [name for name, found in self.roles.items() if found.intersection(roles)]

    def _has(self, role: Role) -> bool:
        """Whether a module has the role; if it is a role of blocks, one in each stack."""
        names = [name for name, found in self.roles.items() if role in found]
        if role in ATTENTION or role in FEED_FORWARD:
            return all(any(_within(blocks, name) for name in names) for blocks in self.blocks.values())
        return bool(names)


def parts(model: PreTrainedModel) -> Parts:
    """The parts of a model without an adapter; raises ``Unsupported`` if it is unclear which its blocks are."""
    modules = dict(model.named_modules())
    names = {id(module): name for name, module in modules.items()}
    stacks = {"encoder": model.get_encoder()} if model.config.is_encoder_decoder else {}
    stacks["decoder"] = model.get_decoder()
    blocks = {stack: _blocks(model, names[id(module)]) for stack, module in stacks.items()}
    embedding, head = names[id(model.get_input_embeddings())], names.get(id(model.get_output_embeddings()), "")
    tokens = {stack: names.get(id(_embedding(module)), embedding) for stack, module in stacks.items()}

    weighted = [name for name, module in modules.items() if any(True for _ in module.parameters(recurse=False))]
    places = {name: _within([block for stack in blocks.values() for block in stack], name) for name in weighted}
    roles = {name: frozenset(_roles(modules[name], place)) for name, place in places.items()}
    roles |= {name: frozenset[Role](["embedding"]) for name in (embedding, *tokens.values())}
    roles |= {head: frozenset[Role](["head"])} if head else {}
    around = [name for name, place in places.items() if not place and name != head]
    inputs = [name for name in around if isinstance(modules[name], torch.nn.Embedding) or OF_EMBEDDINGS.search(name)]
    norms = [name for name in around if "norm" in roles[name] and name not in inputs]
    in_encoder = {name for name in norms if "encoder" in stacks and _within([names[id(stacks["encoder"])]], name)}
    return Parts(
        architecture=model.config.model_type,
        roles={name: found for name, found in roles.items() if found},
        blocks=blocks,
        token_embeddings=tokens,
        inputs=inputs,
        final_norms={
            stack: [name for name in norms if (name in in_encoder) == (stack == "encoder")] for stack in stacks
        },
        cross=[name for name, place in places.items() if ATTENTION.keys() & roles[name] and CROSS.search(place)],
        others=list(dict.fromkeys(place for name, place in places.items() if place and not roles[name])),
    )


@torch.no_grad()
def cache_shape(model: PreTrainedModel) -> tuple[int, int, int]:
    """The number of layers, of heads and of elements of a head in the decoder's cache of keys and values.

    Found by asking the model, since no configuration says what a group of heads keeps. Raises ``Unsupported`` if the
    model keeps anything else, or keys and values of several shapes, or cannot read several tokens behind its cache.
    """
    kind, tokens = model.config.model_type, torch.full((1, 2), ANY_TOKEN, device=model.device)
    decoder = {"decoder_input_ids": tokens} if model.config.is_encoder_decoder else {}
    cache = getattr(model(input_ids=tokens, use_cache=True, **decoder), "past_key_values", None)
    layers = getattr(getattr(cache, "self_attention_cache", cache), "layers", [])
    if not layers or not all(map(_keeps_keys_alone, layers)):
        raise Unsupported(f"not every layer of {kind} keeps keys and values, and nothing else, of what it has read")
    try:
        model(input_ids=tokens, use_cache=True, past_key_values=cache, **decoder)
    except AssertionError as error:
        raise Unsupported(f"{kind} cannot read several tokens behind its cache: {error}") from error
    shapes = {kept.shape[1::2] for layer in layers for kept in (layer.keys, layer.values)}
    if len(shapes) > 1:
        raise Unsupported(f"the layers of {kind} keep keys and values of several shapes")
    ((heads, size),) = shapes
    return len(layers), heads, size


def targets(model: PreTrainedModel, *roles_or_names: str) -> list[str]:
    """The modules of these roles as PEFT's ``target_modules``: the shortest ends of names that no other module has.

    What is no role is taken to be a module's name, or the end of one, and returned as it is.
    """
    roles = [role for role in get_args(Role) if role in roles_or_names]
    names = [name for name in roles_or_names if name not in roles]
    return [*_ends(model, parts(model).modules(*roles)), *names] if roles else names


def linear_only(model: PreTrainedModel) -> None:
    """Raise ``Unsupported`` if the base has GPT-2's projections, whose weights are transposed."""
    if any(isinstance(module, Conv1D) for module in model.modules()):
        raise Unsupported(f"PEFT has no such adapter for {Conv1D.__name__} layers")


def unusual_layers(model: PreTrainedModel) -> set[str]:
    """The classes of a base's projections that are no plain linear layers."""
    found = parts(model)
    projections = [name for name, roles in found.roles.items() if roles.isdisjoint(("norm", "embedding", "head"))]
    return {type(model.get_submodule(name)).__name__ for name in projections} - {torch.nn.Linear.__name__}


def _keeps_keys_alone(layer: Any) -> bool:
    """Whether a layer of a cache has keys and values, and no state as those of linear attention and convolutions."""
    return not isinstance(layer, LinearAttentionCacheLayerMixin) and layer.keys is not None


def _blocks(model: PreTrainedModel, stack: str) -> list[str]:
    """The blocks of a stack: its longest list of modules that is not inside another."""
    lists: dict[str, int] = {}
    for name, module in model.get_submodule(stack).named_modules(prefix=stack):
        if isinstance(module, torch.nn.ModuleList) and not _within(lists, name):
            lists[name] = len(module)
    longest = [name for name, length in lists.items() if length == max(lists.values())]
    if len(longest) != 1:
        raise Unsupported(f"{model.config.model_type} has no single list of blocks; its lists: {_listed(lists)}")
    return [f"{longest[0]}.{number}" for number in range(lists[longest[0]])]


def _listed(names: Iterable[str]) -> str:
    return brief(", ".join(names) or "none", MAX_LISTED_CHARACTERS)


def _embedding(stack: torch.nn.Module) -> torch.nn.Module | None:
    """What a stack reads tokens with, if it can say so."""
    found: torch.nn.Module | None = stack.get_input_embeddings() if isinstance(stack, PreTrainedModel) else None
    return found


def _within(modules: Iterable[str], name: str) -> str:
    """A module's name within one of these modules; empty if it is in none."""
    return next((name[len(module) + 1 :] for module in modules if name.startswith(f"{module}.")), "")


def _roles(module: torch.nn.Module, place: str) -> list[Role]:
    """The roles of a module with that name within a block."""
    if "Norm" in type(module).__name__:
        return ["norm"]
    table = ATTENTION if IN_ATTENTION.search(place) else FEED_FORWARD
    return [role for role, ends in table.items() if re.fullmatch(rf"(.*\.)?({ends})", place)]


def _ends(model: PreTrainedModel, names: Sequence[str]) -> list[str]:
    known, everything = set(names), [name for name, _ in model.named_modules()]

    @cache
    def fits(end: str) -> bool:
        return known.issuperset(name for name in everything if f".{name}".endswith(f".{end}"))

    def shortest(name: str) -> str:
        path = name.split(".")
        return next(end for start in reversed(range(len(path))) if fits(end := ".".join(path[start:])))

    return list(dict.fromkeys(map(shortest, names)))
