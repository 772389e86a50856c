"""Attention and dropout for training on the CPU, where torch's own are slow.

With dropout, torch's fused attention falls back to a slow path there. Dropout has the same distribution as torch's, but
uses a random generator that is ten times as fast.
"""

from typing import Any

import numpy as np
import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION_NAME = "sdpa_fast_dropout"
RESOLUTION = 1 << 16  # each element of a mask takes sixteen random bits


def install(model: PreTrainedModel) -> None:
    """Make a model that uses torch's ``scaled_dot_product_attention`` use ``attend`` instead."""
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
    """What transformers' ``sdpa`` computes, but faster with dropout on the CPU.

    Shapes: query (batch, heads, length, width), key and value (batch, heads, other length, width), mask and bias
    broadcast over the weights; the result is (batch, length, heads, width).
    """
    drop = round(dropout * RESOLUTION)
    grouped = key.shape[1] != query.shape[1]
    if not drop or dropout == 1.0 or query.device.type != "cpu" or attention_mask is None or grouped:
        options = {"dropout": dropout, "scaling": scaling, "position_bias": position_bias, **others}
        fused, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return fused, None
    scores = torch.matmul(query, key.transpose(2, 3)).float()  # so that softmax is computed in float32 in any case
    weights = scores * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if position_bias is not None:
        weights += position_bias
    if attention_mask.dtype == torch.bool:
        weights.masked_fill_(~attention_mask, torch.finfo(weights.dtype).min)
    else:
        weights += attention_mask
    output = torch.matmul(dropped(weights.softmax(-1), drop).to(value.dtype), value)
    return output.transpose(1, 2).contiguous(), None


class Dropout(torch.nn.Dropout):
    """``torch.nn.Dropout`` without its sequential Mersenne Twister, which took an eighth of a training step of T5.

    Each mask comes from a generator that torch's own generator seeds, so ``set_seed`` determines it, and recomputed
    activations get the same mask. The probability is rounded to 1/65,536. Other devices use torch's implementation.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The input with some elements set to zero and the others scaled up, while training."""
        drop = round(self.p * RESOLUTION)
        if not self.training or not drop or self.p == 1.0 or input.device.type != "cpu":
            return super().forward(input)
        return dropped(input, drop)


def dropped(input: torch.Tensor, drop: int) -> torch.Tensor:
    """The input with each element set to zero with probability ``drop / RESOLUTION``, and the others scaled up."""
    generator = np.random.SFC64(int(torch.randint(2**62, ())))
    bits = generator.random_raw(-(-input.numel() // 4)).view(np.uint16)[: input.numel()]
    scale = np.float32(RESOLUTION / (RESOLUTION - drop))
    mask = np.multiply(bits >= drop, scale, dtype=np.float32)  # a boolean mask would be converted in each product
    return input * torch.from_numpy(mask).view(input.shape).to(input.dtype)
