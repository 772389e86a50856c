"""What each method can do, found out by building it on a small T5 and changing what it trains."""

import warnings
from functools import cache
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoTokenizer, PreTrainedTokenizerBase, set_seed

from ..method import Method, Setting
from ..models.base_model import EMBEDDED, Model
from ..models.family import IGNORED, Batch
from ..models.seq2seq import Seq2SeqFamily
from ..run import loader
from ..spec.errors import Unsupported
from ..spec.registry import Plugin
from ..tasks.task import PROMPTS
from . import reach, shapes

SMALL = {"vocab_size": 3072, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_heads": 4, "num_layers": 2}
PROMPT = PROMPTS["dialogsum"]
PRECISION = 1e-3  # of float32 through a whole model, relative to the largest logit


class Capabilities(BaseModel):
    """What was found out about one method; a reference row trains nothing, so there is nothing to find out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trainable: int = 0  # elements, on flan-t5-small's shape
    reaches: tuple[str, ...] = ()  # of ``reach.PARTS``: what training changes the work of
    identity: bool | None = None  # answers as the base model before training
    merges: bool | None = None  # what was trained can become plain weights of the base
    operations: float | None = None  # of torch in a forward pass, over the base model's
    unsupported: str = ""  # the reason why it cannot attach to a T5 on the CPU


def probe(plugin: Plugin) -> Capabilities:
    """Build the method on a small T5, look at it, change everything trainable at random, and look again."""
    cls = loader.load(plugin, {})
    if not cls.trains:
        return Capabilities()
    base = _small()
    plain, operations = _logits(base), _operations(base)
    try:
        model = _build(cls, base)
        trainable = _trainable(_on_flan_t5_small(cls))
    except Unsupported as error:
        return Capabilities(unsupported=str(error))
    identity, ratio = _close(_logits(model), plain), _operations(model) / operations
    reaches = reach.of(model, lambda: _logits(model))
    return Capabilities(
        trainable=trainable, reaches=reaches, identity=identity, merges=_merges(model), operations=round(ratio, 2)
    )


def _small() -> Model:
    set_seed(0)
    return shapes.t5(**SMALL).eval()


def _build(cls: type[Method], base: Model) -> Model:
    method = cls(Setting(Seq2SeqFamily(_tokenizer()), PROMPT, max_new_tokens=8, num_beams=1, seed=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        set_seed(0)
        if cls.prepare is not Method.prepare:
            method.prepare(base, [_batch()] * 4)
        return method.build(base).eval()


def _on_flan_t5_small(cls: type[Method]) -> Model:
    """The method on flan-t5-small's shape: without values where its start does not look at them, which is fast."""
    if cls.prepare is Method.prepare:
        try:
            with torch.device("meta"):
                base = shapes.t5(**shapes.FLAN_T5_SMALL)
            return _build(cls, base)
        except (NotImplementedError, RuntimeError):
            pass
    return _build(cls, shapes.t5(**shapes.FLAN_T5_SMALL))


def _trainable(model: Model) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@cache
def _tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(str(EMBEDDED))


@cache
def _batch() -> Batch:
    """Eight rows of random tokens, half of them the instruction's, which some methods know; one row is padded."""
    draw = torch.Generator().manual_seed(0)
    known = torch.tensor(_tokenizer()(PROMPT.fill(""))["input_ids"])
    source, labels = (
        torch.where(
            torch.rand(8, length, generator=draw) < 0.5,
            known[torch.randint(len(known), (8, length), generator=draw)],
            torch.randint(3, SMALL["vocab_size"], (8, length), generator=draw),
        )
        for length in (16, 12)
    )
    mask = torch.ones_like(source)
    source[0, 10:], mask[0, 10:], labels[0, 6:] = 0, 0, IGNORED
    return {"input_ids": source, "attention_mask": mask, "labels": labels}


@torch.no_grad()
def _logits(model: Model) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logits: torch.Tensor = model(**_batch()).logits
    return logits


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() <= PRECISION * other.abs().max())


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that torch is asked for."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def _operations(model: Model) -> int:
    with _Counter() as counter:  # type: ignore[no-untyped-call]
        _logits(model)
    return int(counter.count)


def _merges(model: Model) -> bool:
    """Whether a base model with other weights answers as the changed model does."""
    if not hasattr(model, "peft_config"):
        return True
    changed = _logits(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            merged = model.merge_and_unload()
        except (AttributeError, NotImplementedError, ValueError):
            return False
    return _close(_logits(merged), changed)
