"""Tiny decoder-only models with random weights, and rows to train and to ask them with."""

from copy import deepcopy
from functools import cache
from typing import Any

import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)

from harness.method import Method
from harness.models.causal import CausalFamily
from harness.models.family import Batch, Encoded
from support import contracts, toy
from support.zoo import CLASSES

POSITIONS, WINDOW = 512, 12
SPECIAL = {"vocab_size": 3072, "bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
ROTARY = {
    "hidden_size": 64,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": POSITIONS,
}
GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS}
GPT_NEO = {
    "hidden_size": 64,
    "num_layers": 2,
    "num_heads": 4,
    "attention_types": [[["global", "local"], 1]],
    "window_size": WINDOW,
    "max_position_embeddings": POSITIONS,
}
KINDS: dict[str, tuple[Any, Any]] = {
    "llama": (LlamaForCausalLM, LlamaConfig(**ROTARY, **SPECIAL)),
    "gpt2": (GPT2LMHeadModel, GPT2Config(**GPT2, **SPECIAL)),
    "mistral": (MistralForCausalLM, MistralConfig(**ROTARY, **SPECIAL, sliding_window=WINDOW)),
    "gemma2": (Gemma2ForCausalLM, Gemma2Config(**ROTARY, **SPECIAL, sliding_window=WINDOW)),
    "gpt-neo": (GPTNeoForCausalLM, GPTNeoConfig(**GPT_NEO, **SPECIAL)),
}
PROMPTS = ["Hi.", "A" * 40, "Hello, Ann and Bob, how are you?", "So.", "What? " * 12]  # of many lengths


def model(kind: str) -> PreTrainedModel:
    """A new model of that kind, always with the same weights; it answers without dropout."""
    cls, config = KINDS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: PreTrainedModel = cls(deepcopy(config))
        shake(made, 0.2)
    return made.eval()


def shake(changed: torch.nn.Module, size: float) -> None:
    """Change everything that may be trained at random, always in the same way."""
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in changed.parameters():
            if parameter.requires_grad:
                parameter.add_(size * torch.randn(parameter.shape, generator=draw))


@cache
def family() -> CausalFamily:
    """Their family, with the embedded model's tokenizer."""
    return CausalFamily(toy.tokenizer())


@cache
def rows() -> list[Encoded]:
    """Rows whose prompts and targets have different lengths."""
    prompts = family().prompt_ids(toy.prompts())
    targets, _ = family().target_ids([f" {summary}" for _, summary in toy.ROWS], 64)
    return [
        Encoded(torch.tensor(source), torch.tensor(target)) for source, target in zip(prompts, targets, strict=True)
    ]


def batch() -> Batch:
    """The first four rows."""
    return family().batch(rows()[:4])


def small(name: str, **values: Any) -> type[Method]:
    """The method with five virtual tokens and without dropout, if it has such."""
    wanted = {"virtual_tokens": 5, "dropout": 0.0, **values}
    own = CLASSES[name].hyperparameters()
    return contracts.having(CLASSES[name], **{key: value for key, value in wanted.items() if key in own})


def built(cls: type[Method], kind: str, size: float, **setting: Any) -> tuple[Method, PreTrainedModel]:
    """A method with the model that it built, everything trainable changed by that size."""
    method, base = contracts.instance(cls, family=family(), **setting), model(kind)
    torch.manual_seed(0)
    method.prepare(base, [batch()])
    torch.manual_seed(0)
    made = method.build(base)
    shake(made, size)
    return method, made
