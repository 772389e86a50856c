"""What each method can do, found out by building it on a small model of each family and changing what it trains."""

import warnings
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import set_seed

from ..method import Method, Setting
from ..models.base_model import Model
from ..models.family import Batch
from ..run import loader
from ..spec.errors import Unsupported
from ..spec.registry import Plugin
from ..spec.suite import Budget
from ..training.budget import Batches
from . import reach
from .subjects import PROMPT, SUBJECTS, Subject

STEPS, MAX_NEW_TOKENS = 3, 8
PREPARED_WITH = 4  # batches
PRECISION = 1e-3  # of float32 through a whole model, relative to the largest logit


class Capabilities(BaseModel):
    """What was found out about a method on models of a family; about a reference row, which trains nothing, no more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trainable: int = 0  # elements, on the shape that people know
    reaches: tuple[str, ...] = ()  # of ``reach.PARTS``: what training changes the work of
    identity: bool | None = None  # answers as the base model before training
    merges: bool | None = None  # what was trained can become plain weights of the base
    operations: float | None = None  # of torch in a forward pass, over the base model's
    unsupported: str = ""  # the reason why it cannot attach to such a model on the CPU


def probe(plugin: Plugin) -> dict[str, Capabilities]:
    """What was found out about the method, by family."""
    cls = loader.load(plugin, {})
    return {subject.kind.name: _tried(cls, subject) for subject in SUBJECTS}


def _tried(cls: type[Method], subject: Subject) -> Capabilities:
    """Build the method on the small model, look at it, change everything trainable at random, and look again."""
    base, batch = subject.model(), subject.batch()
    where, plain, operations = reach.places(base), _logits(base, batch), _operations(base, batch)
    try:
        _, model = _built(cls, subject, base)
        if not cls.trains:
            return Capabilities()
        trainable = _trainable(_of_known_shape(cls, subject))
        _train_and_answer(cls, subject)
    except Unsupported as error:
        return Capabilities(unsupported=str(error))
    identity, ratio = _close(_logits(model, batch), plain), _operations(model, batch) / operations
    reaches = reach.of(model, where, lambda: _logits(model, batch))
    merges = _merges(model, batch)
    return Capabilities(
        trainable=trainable, reaches=reaches, identity=identity, merges=merges, operations=round(ratio, 2)
    )


def _built(cls: type[Method], subject: Subject, base: Model) -> tuple[Method, Model]:
    """The method, and the model that it makes of the base."""
    method = cls(Setting(subject.family, PROMPT, max_new_tokens=MAX_NEW_TOKENS, num_beams=1, seed=0))
    with warnings.catch_warnings(action="ignore"):
        set_seed(0)
        if cls.prepare is not Method.prepare:
            method.prepare(base, [subject.batch()] * PREPARED_WITH)
        return method, method.build(base).eval()


def _of_known_shape(cls: type[Method], subject: Subject) -> Model:
    """The method on the known shape: without values where its start does not look at them, which is fast."""
    if cls.prepare is Method.prepare:
        try:
            with torch.device("meta"):
                base = subject.of_known_shape()
            return _built(cls, subject, base)[1]
        except (NotImplementedError, RuntimeError):
            pass
    return _built(cls, subject, subject.of_known_shape())[1]


def _trainable(model: Model) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _train_and_answer(cls: type[Method], subject: Subject) -> None:
    """Train the method for some steps and ask it a question; raises what the method raises."""
    method, model = _built(cls, subject, subject.model())
    source, row_tokens = iter([subject.batch()] * STEPS), subject.family.row_tokens
    with warnings.catch_warnings(action="ignore"):
        method.train(model, Batches(source, Budget(max_steps=STEPS), model.device, row_tokens))
        method.generate(model, [PROMPT.fill("#Person1#: Where is my red bicycle?")])


@torch.no_grad()
def _logits(model: Model, batch: Batch) -> torch.Tensor:
    with warnings.catch_warnings(action="ignore"):
        logits: torch.Tensor = model(**batch).logits
    return logits


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two models say the same of a batch; one may also say something of virtual tokens in front of it."""
    one = one[:, -other.shape[1] :]
    return bool((one - other).abs().max() <= PRECISION * other.abs().max())


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that torch is asked for."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def _operations(model: Model, batch: Batch) -> int:
    with _Counter() as counter:  # type: ignore[no-untyped-call]
        _logits(model, batch)
    return int(counter.count)


def _merges(model: Model, batch: Batch) -> bool:
    """Whether a base model with other weights answers as the changed model does."""
    if not hasattr(model, "peft_config"):
        return True
    changed = _logits(model, batch)
    with warnings.catch_warnings(action="ignore"):
        try:
            merged = model.merge_and_unload()
        except (AttributeError, NotImplementedError, ValueError):
            return False
    return _close(_logits(merged, batch), changed)
