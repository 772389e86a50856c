"""Attention and dropout for training on the CPU, where torch's own are slow.

torch's fused attention cannot drop weights there and falls back to a slow path. Dropout has torch's distribution,
from a generator that is ten times as fast.
"""

from typing import Any

import numpy as np
import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION_NAME = "sdpa_fast_dropout"
RESOLUTION = 1 << 16  # a mask's element is decided by sixteen random bits


def install(model: PreTrainedModel) -> None:
    """Let a model that attends by torch's ``scaled_dot_product_attention`` do so by ``attend``."""
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(ATTENTION_NAME, attend)
        AttentionMaskInterface.register(ATTENTION_NAME, sdpa_mask)
        model.set_attn_implementation(ATTENTION_NAME)


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
        fused, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return fused, None
    weights = torch.matmul(query, key.transpose(2, 3)) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if position_bias is not None:
        weights += position_bias
    if attention_mask.dtype == torch.bool:
        weights.masked_fill_(~attention_mask, torch.finfo(weights.dtype).min)
    else:
        weights += attention_mask
    output = torch.matmul(dropped(weights.softmax(-1), drop), value)
    return output.transpose(1, 2).contiguous(), None


class Dropout(torch.nn.Dropout):
    """``torch.nn.Dropout``, whose sequential Mersenne Twister was an eighth of a training step of T5.

    Each mask comes from a generator that torch's own seeds, so that ``set_seed`` decides it and activations that are
    computed twice are dropped alike. The probability is rounded to a 65,536th. On other devices it is torch's.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The input with some elements set to zero and the others scaled up, while training."""
        drop = round(self.p * RESOLUTION)
        if not self.training or not drop or self.p == 1.0 or input.device.type != "cpu":
            return super().forward(input)
        return dropped(input, drop)


def dropped(input: torch.Tensor, drop: int) -> torch.Tensor:
    """The input with each element set to zero by a chance of ``drop`` in ``RESOLUTION``, the others scaled up."""
    generator = np.random.SFC64(int(torch.randint(2**62, ())))
    bits = generator.random_raw(-(-input.numel() // 4)).view(np.uint16)[: input.numel()]
    scale = np.float32(RESOLUTION / (RESOLUTION - drop))
    mask = np.multiply(bits >= drop, scale, dtype=np.float32)  # a boolean one costs a conversion in each product
    return input * torch.from_numpy(mask).view(input.shape).to(input.dtype)
