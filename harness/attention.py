"""Attention for training on the CPU, where torch's fused one cannot drop weights and falls back to a slow path."""

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from harness.dropout import RESOLUTION, dropped

NAME = "sdpa_fast_dropout"


def install(model: PreTrainedModel) -> None:
    """Let a model that attends by torch's ``scaled_dot_product_attention`` do so by ``attend``."""
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    position_bias: torch.Tensor | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers' ``sdpa`` computes, faster where weights are dropped on the CPU.

    Shapes: query (batch, heads, length, width), key and value (batch, heads, other length, width), mask and bias
    as they broadcast over the weights; the result is (batch, length, heads, width).
    """
    drop = round(dropout * RESOLUTION)
    grouped = key.shape[1] != query.shape[1]
    if not drop or dropout == 1.0 or query.device.type != "cpu" or attention_mask is None or grouped:
        options = {"dropout": dropout, "scaling": scaling, "position_bias": position_bias, **others}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    weights = torch.matmul(query, key.transpose(2, 3)) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if position_bias is not None:
        weights += position_bias
    if attention_mask.dtype == torch.bool:
        weights.masked_fill_(~attention_mask, torch.finfo(weights.dtype).min)
    else:
        weights += attention_mask
    output = torch.matmul(dropped(weights.softmax(-1), drop), value)
    return output.transpose(1, 2).contiguous(), None
