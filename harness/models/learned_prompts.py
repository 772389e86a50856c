"""PEFT's learned prompts: how many tokens they stand for, and how a decoder-only model answers behind them."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftConfig, PeftModel, PeftType
from torch.nn.utils.rnn import pad_sequence

from . import stopping
from .family import Lengths

CACHED_PREFIX = (PeftType.PREFIX_TUNING, PeftType.CARTRIDGE)  # prompts of keys and values, not of embeddings
WINDOWS = ("sliding_window", "attention_chunk_size", "window_size")  # in configurations: how far a layer sees


def config_of(model: torch.nn.Module) -> PeftConfig | None:
    """The configuration of a PEFT model that learns a prompt; ``None`` for any other model."""
    config = model.active_peft_config if isinstance(model, PeftModel) else None
    return config if config is not None and config.is_prompt_learning else None


def lengths(model: torch.nn.Module) -> Lengths:
    """The learned tokens in front of what a model reads, and those in front of what it writes."""
    config = config_of(model)
    count = 0 if config is None else int(config.num_virtual_tokens)
    return (0, count) if config is not None and config.peft_type in CACHED_PREFIX else (count, 0)


def inside(model: torch.nn.Module) -> torch.nn.Module:
    """The model that reads on behind a learned prompt, which is in its cache: the base, or else the model itself."""
    return model.get_base_model() if isinstance(model, PeftModel) and config_of(model) else model


def answers(
    model: PeftModel, config: PeftConfig, ids: torch.Tensor, mask: torch.Tensor, pad: int, options: dict[str, Any]
) -> torch.Tensor:
    """The new tokens behind prompts that are padded on the left, the same for each prompt as alone."""
    if config.peft_type not in CACHED_PREFIX:
        return _behind_virtual_tokens(model, config, ids, mask, options)
    longest = config.num_virtual_tokens + ids.shape[1] + options["max_new_tokens"]
    groups = [list(range(len(ids)))] if longest <= _window(model) else _alike(mask.sum(1).tolist())
    found: dict[int, torch.Tensor] = {}
    for rows in groups:
        start = 0 if len(groups) == 1 else ids.shape[1] - int(mask[rows[0]].sum())  # where there is no padding
        outputs = _behind_cached_prefix(model, config, ids[rows, start:], mask[rows, start:], options)
        found.update(zip(rows, outputs, strict=True))
    return pad_sequence([found[row] for row in range(len(ids))], batch_first=True, padding_value=pad)


def _window(model: PeftModel) -> float:
    """How many tokens all layers see: an infinite number unless some have a window.

    A window counts places, so padding between a prefix and its prompt would push the prefix out of it.
    """
    config = model.get_base_model().config.get_text_config()
    return min((size for name in WINDOWS if isinstance(size := getattr(config, name, None), int)), default=math.inf)


def _alike(sizes: Sequence[int]) -> list[list[int]]:
    """The rows of each size."""
    return [[row for row, each in enumerate(sizes) if each == size] for size in sorted({*sizes})]


def _behind_virtual_tokens(
    model: PeftModel, config: PeftConfig, ids: torch.Tensor, mask: torch.Tensor, options: dict[str, Any]
) -> torch.Tensor:
    """New tokens after prompts with learned embeddings in front.

    PEFT puts these in front of the padding, where positions depend on how long the batch's other prompts are.
    """
    embedded = model.word_embeddings(ids)
    virtual = model.get_prompt(batch_size=len(ids)).to(embedded.dtype)
    padding = (mask == 0).sum(1).tolist()
    rows = [torch.cat([row[:pad], own, row[pad:]]) for row, own, pad in zip(embedded, virtual, padding, strict=True)]
    whole = torch.cat([mask, mask.new_ones(len(mask), config.num_virtual_tokens)], dim=1)
    base = model.get_base_model()
    outputs: torch.Tensor = base.generate(
        inputs_embeds=torch.stack(rows), attention_mask=whole.sort(dim=1).values, **stopping.applied(options, 0)
    )
    return outputs


def _behind_cached_prefix(
    model: PeftModel, config: PeftConfig, ids: torch.Tensor, mask: torch.Tensor, options: dict[str, Any]
) -> torch.Tensor:
    """New tokens after prompts with learned keys and values in front, which stand for as many tokens."""
    prefix = config.num_virtual_tokens
    cached = model.get_prompt(batch_size=len(ids) * options.get("num_beams", 1))
    ids = torch.cat([ids.new_zeros(len(ids), prefix), ids], dim=1)
    whole = torch.cat([mask.new_ones(len(mask), prefix), mask], dim=1)
    base = model.get_base_model()
    given = {"input_ids": ids, "attention_mask": whole, "past_key_values": cached}
    outputs: torch.Tensor = base.generate(**given, **stopping.applied(options, ids.shape[1]))
    return outputs[:, ids.shape[1] :]
