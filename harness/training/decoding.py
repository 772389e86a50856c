"""Batched generation: the answers that prompts get one at a time, but much faster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from transformers import GenerationConfig, PreTrainedTokenizerBase

from ..models import generation, positions
from ..models.base_model import Model
from ..models.batching import by_length
from ..models.family import Family
from ..models.stopping import OPTION, Stops
from ..spec.stops import before

MAX_BATCH_TOKENS = 8192  # prompt tokens in a batch, padding included


@dataclass
class Generated:
    """What was generated: the numbers of texts, of their tokens, and of texts that the limit cut short."""

    texts: int = 0
    tokens: int = 0
    cut: int = 0


_COUNTED: ContextVar[Generated | None] = ContextVar("_COUNTED", default=None)


@contextmanager
def counting() -> Iterator[Generated]:
    """Count what is generated inside the context."""
    counted = Generated()
    token = _COUNTED.set(counted)
    try:
        yield counted
    finally:
        _COUNTED.reset(token)


def generate(
    model: Model,
    family: Family,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    num_beams: int = 1,
    settings: GenerationConfig | None = None,
    stop: tuple[str, ...] = (),
    together: bool = True,
) -> list[str]:
    """One text for each prompt, in the prompts' order; no sampling, so the same prompts give the same texts.

    ``settings`` replace the model's own generation settings, so that a model that a method has built or loaded itself
    generates like the others. An answer ends before the first of the ``stop`` texts. Without ``together``, each prompt
    is alone in its batch. Raises ``Unsupported`` if the model has too few positions for a prompt and its answer.
    """
    if not prompts:
        return []
    encoded = family.prompt_ids(prompts)
    positions.require(family, model, (max(map(len, encoded)), max_new_tokens))
    texts = [""] * len(prompts)
    model.eval()
    if settings is not None:
        generation.apply(model, settings)
    stops = Stops(family.tokenizer, stop)
    options = {OPTION: stops} if stop else {}
    batches = in_batches([len(ids) for ids in encoded], num_beams)
    with torch.inference_mode():
        for indices in batches if together else [[index] for index in range(len(prompts))]:
            outputs = family.answers(
                model,
                [encoded[i] for i in indices],
                max_new_tokens=max_new_tokens,
                num_beams=num_beams,
                do_sample=False,
                **options,
            )
            _count(outputs, _ends(model, family.tokenizer), max_new_tokens, stops)
            decoded = family.tokenizer.batch_decode(outputs, skip_special_tokens=True)
            for index, text in zip(indices, decoded, strict=True):
                ended = before(stop, text)
                texts[index] = text.strip() if ended is None else ended
    return texts


def _count(outputs: torch.Tensor, ends: Sequence[int], limit: int, stops: Stops) -> None:
    """Count new tokens of shape (texts, tokens); after its end token, or a text that ends it, a text is padded."""
    counted = _COUNTED.get()
    if counted is None:
        return
    ended = torch.isin(outputs, torch.tensor(ends, dtype=outputs.dtype, device=outputs.device))
    open_ended = ~ended.any(dim=1)
    lengths = torch.where(open_ended, outputs.shape[1], ended.int().argmax(dim=1) + 1)
    for row, ids in enumerate(outputs.tolist()):
        if (count := stops.tokens(ids)) is not None:
            lengths[row], open_ended[row] = count, False
    counted.texts += len(outputs)
    counted.tokens += int(lengths.sum())
    counted.cut += int((open_ended & (lengths >= limit)).sum())


def _ends(model: Model, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The tokens that end a text: the model's or, if it has none, the tokenizer's."""
    ends = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    ends = tokenizer.eos_token_id if ends is None else ends
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def in_batches(lengths: Sequence[int], num_beams: int) -> list[list[int]]:
    """Indices in batches of similar length, longest first, each within ``MAX_BATCH_TOKENS``."""

    def fits(longest: int, count: int) -> bool:
        return lengths[longest] * count * num_beams <= MAX_BATCH_TOKENS

    return by_length(range(len(lengths)), lambda index: -lengths[index], fits)
