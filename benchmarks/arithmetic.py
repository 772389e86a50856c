"""How much a training step has to compute, and how much the machine can."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from transformers import PreTrainedModel

from benchmarks.figures import clocked
from harness.models.family import IGNORED, Batch


def encoder_decoder(batch: Batch, model: PreTrainedModel) -> float:
    """Floating-point operations of a training step of a T5, without padding: 2 per weight forward, 4 backward."""
    config = model.config
    width, inner, heads = config.d_model, config.d_ff, config.num_heads * config.d_kv
    attention, feed_forward = 4 * width * heads, 3 * width * inner
    encoder = config.num_layers * (attention + feed_forward)
    decoder = config.num_decoder_layers * (attention + 2 * width * heads + feed_forward) + width * config.vocab_size
    crossed = config.num_decoder_layers * 2 * width * heads  # keys and values of the source
    sources = batch["attention_mask"].sum(1).double()
    targets = (batch["labels"] != IGNORED).sum(1).double()
    linear = sources * (encoder + crossed) + targets * decoder
    pairs = config.num_layers * sources**2 + config.num_decoder_layers * (targets**2 + targets * sources)
    return float(6 * (linear + 2 * heads * pairs).sum())


def decoder_only(batch: Batch, model: PreTrainedModel) -> float:
    """Floating-point operations of a training step of a decoder-only model, without padding, counted likewise.

    The output layer counts at every token, because transformers computes it there. Attention counts the tokens up to
    each token, not the masked ones after it.
    """
    config = model.config
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    tokens = batch["attention_mask"].sum(1).double()
    pairs = config.num_hidden_layers * tokens * (tokens + 1) / 2
    return float(6 * (tokens * _multiplied(model) + 2 * width * pairs).sum())


STEP: Mapping[str, Callable[[Batch, PreTrainedModel], float]] = {  # by the name of the family
    "seq2seq": encoder_decoder,
    "causal": decoder_only,
}


def _multiplied(model: PreTrainedModel) -> int:
    """The number of weights that every token is multiplied with; an embedding is looked up."""
    modules = (module for module in model.modules() if not isinstance(module, torch.nn.Embedding))
    weights = (weight for module in modules for weight in module.parameters(recurse=False))
    return sum(int(weight.numel()) for weight in weights if weight.ndim > 1)


def peak(sizes: Sequence[int], device: torch.device, dtype: torch.dtype, finish: Callable[[], object]) -> float:
    """The best measured matrix product, in floating-point operations per second."""
    rates = []
    for size in sizes:
        a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        repeats = max(1, 2048**3 // size**3)
        clocked(partial(torch.matmul, a, b), finish)
        seconds = min(clocked(partial(_multiply, a, b, repeats), finish) for _ in range(3))
        rates.append(2 * size**3 * repeats / seconds)
    return max(rates)


def _multiply(a: torch.Tensor, b: torch.Tensor, times: int) -> None:
    for _ in range(times):
        a @ b
