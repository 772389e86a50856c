"""What a method must keep to: functions over its class, which say how it behaves on a tiny model and a few rows.

They need nothing but Tuneoff itself, so that an author can hold a method of his own against them.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, set_seed

from harness import base_model, shapes
from harness.base_model import EMBEDDED, Seq2Seq
from harness.budget import Batches
from harness.method import Method, Setting
from harness.suite import Budget, ModelTable
from harness.task import IGNORED, PROMPTS, Batch, Encoded, collate

SHAPE = {"vocab_size": 3072, "d_model": 64, "d_kv": 8, "d_ff": 48, "num_heads": 4, "num_layers": 2}
PROMPT = PROMPTS["dialogsum"]
CPU = torch.device("cpu")
STEPS = 3
ROWS = tuple(
    (
        "\n".join(f"#Person{1 + turn % 2}#: I want {thing} {turn} times." for turn in range(turns)),
        f"They want {thing} and {thing} again.",
    )
    for thing, turns in (
        ("a red bicycle", 4),
        ("bread", 3),
        ("two tickets to Leeds", 5),
        ("the blue jacket", 4),
        ("keys", 2),
        ("a haircut and a table for four", 6),
        ("an English dictionary", 3),
        ("three green apples", 4),
    )
)
NOTICEABLE = 1e-4  # relative to the norm; what the order of sums changes is a hundred times less
OTHER = {
    "weight_decay": 10.0,
    "max_grad_norm": 1e-9,  # Adam divides by the gradient's size, so only a norm below its epsilon can matter
    "variant": "road_2",
    "activation": "sigmoid",
}


@dataclass(frozen=True)
class Trial:
    """A method and its model, as it was when it was built and as it is after a few steps."""

    method: Method
    model: Seq2Seq
    started: dict[str, torch.Tensor]
    batches: Batches

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """All parameters now."""
        return {name: parameter.detach() for name, parameter in self.model.named_parameters()}

    @property
    def trainable(self) -> set[str]:
        """The names of what may be trained."""
        return {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}


@cache
def _folder() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shapes.t5(**SHAPE, dropout_rate=0).save_pretrained(folder.name)
    tokenizer().save_pretrained(folder.name)
    return folder


def checkpoint() -> Path:
    """The folder of a T5 of random weights, two layers each, without dropout; it stays until the process ends."""
    return Path(_folder().name)


@cache
def base() -> Seq2Seq:
    """The model in the checkpoint, as a run loads it; to be copied, never changed."""
    return base_model.load(ModelTable(name=str(checkpoint())), CPU).model.eval()


def copy_of_base() -> Seq2Seq:
    """The base, to be changed."""
    return copy.deepcopy(base())


@cache
def tokenizer() -> Any:
    """The embedded model's tokenizer."""
    return AutoTokenizer.from_pretrained(str(EMBEDDED))


@cache
def batches() -> list[Batch]:
    """Two batches of four rows, padded."""
    rows = [Encoded(_tokens(PROMPT.fill(dialogue)), _tokens(summary)) for dialogue, summary in ROWS]
    return [collate(rows[:4], pad=0), collate(rows[4:], pad=0)]


def _tokens(text: str) -> torch.Tensor:
    return torch.tensor(tokenizer()(text)["input_ids"])


def endless() -> Iterator[Batch]:
    """The batches, over and over."""
    while True:
        yield from batches()


def prompts() -> list[str]:
    """The rows as they are asked."""
    return [PROMPT.fill(dialogue) for dialogue, _ in ROWS]


def having(cls: type[Method], **values: Any) -> type[Method]:
    """The method with other hyper-parameters."""
    return type(cls.__name__, (cls,), {**values, "__module__": cls.__module__})


def instance(cls: type[Method], seed: int = 0, micro_batch_size: int | None = None) -> Method:
    """The method, set up as a run does."""
    return cls(Setting(tokenizer(), PROMPT, 4, 1, seed, micro_batch_size))


def built(cls: type[Method], seed: int = 0, seen: Sequence[Batch] | None = None) -> Trial:
    """The method with the model that it built, seeded as in a run; ``seen`` is what it prepares itself with."""
    method, model = instance(cls, seed), copy_of_base()
    set_seed(seed)
    method.prepare(model, batches() if seen is None else seen)
    set_seed(seed)
    model = method.build(model).eval()
    started = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    return Trial(method, model, started, Batches(endless(), Budget(max_steps=STEPS), CPU))


def trained(cls: type[Method], seed: int = 0, *, recompute: bool = False) -> Trial:
    """The method after a few steps; ``recompute`` is gradient checkpointing."""
    trial = built(cls, seed)
    if trial.method.trains:
        if recompute:
            trial.model.activation_checkpointing_enable({"use_reentrant": False})
        set_seed(seed)
        trial.method.train(trial.model, trial.batches)
        trial.model.eval()
    return trial


def shaken(cls: type[Method], size: float = 0.1) -> Trial:
    """The method with everything trainable changed at random, so that no zero of its start hides what it does."""
    trial = built(cls)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in trial.model.parameters():
            if parameter.requires_grad:
                parameter += size * torch.randn(parameter.shape, generator=draw)
    return trial


@torch.no_grad()
def logits(model: Seq2Seq, batch: Batch | None = None) -> torch.Tensor:
    """What the model says of a batch, the first unless another is given."""
    found: torch.Tensor = model(**(batch or batches()[0])).logits
    return found


@torch.no_grad()
def close(one: torch.Tensor, other: torch.Tensor, tolerance: float = NOTICEABLE) -> bool:
    """Whether two tensors have the same shape and differ by less than a share of their norm."""
    return one.shape == other.shape and float((one - other).norm()) <= tolerance * float(other.norm())


def alike(one: Trial, other: Trial) -> bool:
    """Whether two trials of a method have the same parameters, train the same, answer the same and say the same."""
    if one.trainable != other.trainable or one.weights.keys() != other.weights.keys():
        return False
    same = all(close(tensor, other.weights[name]) for name, tensor in one.weights.items())
    return same and close(logits(one.model), logits(other.model)) and texts(one) == texts(other)


def texts(trial: Trial) -> list[str]:
    """What the method answers to three prompts."""
    return trial.method.generate(trial.model, prompts()[:3])


def others(name: str, value: Any) -> list[Any]:
    """Other values of a hyper-parameter, the likeliest to be allowed first."""
    if name in OTHER:
        return [OTHER[name]]
    if isinstance(value, list | tuple):
        return [value[:1]]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value // 2, value * 2, value + 1] if value > 1 else [value + 1]
    return [value / 2 if value else 0.1] if isinstance(value, float) else []


def makes_a_difference(cls: type[Method], name: str, usual: Trial) -> bool:
    """Whether another value of a hyper-parameter leads to another model or other texts than the usual one.

    Raises the method's error where no other value can be had.
    """
    error: Exception = ValueError(f"{name}: no other value is known; name one in OTHER")
    for value in others(name, getattr(cls, name)):
        try:
            return not alike(trained(having(cls, **{name: value})), usual)
        except (ValueError, RuntimeError) as refused:
            error = refused
    raise error


def modules() -> list[str]:
    """The names of the base's modules that hold weights."""
    return [name for name, module in base().named_modules() if [*module.parameters(recurse=False)]]


def reached(cls: type[Method]) -> set[str]:
    """The base's modules that answer otherwise, given the same, after everything trainable has changed."""
    before, after = built(cls).model, shaken(cls).model
    calls: dict[str, Any] = {}
    for name in modules():
        _part(before, name).register_forward_hook(_noting(calls, name), with_kwargs=True)
    logits(before)
    with torch.no_grad():
        again = {name: _part(after, name)(*args, **kwargs) for name, (args, kwargs, _) in calls.items()}
    return {name for name, (_, _, gave) in calls.items() if not torch.equal(again[name], gave)}


def _noting(calls: dict[str, Any], name: str) -> Any:
    def note(_: torch.nn.Module, args: Any, kwargs: Any, output: torch.Tensor) -> None:
        calls[name] = args, kwargs, output

    return note


def plain(model: Seq2Seq) -> Seq2Seq:
    """The base model inside."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _part(model: Seq2Seq, name: str) -> torch.nn.Module:
    return plain(model).get_submodule(name)


def base_weights(model: Seq2Seq) -> dict[str, torch.Tensor]:
    """The base's weights by their own names, wherever an adapter keeps them; those that it took over are missing."""
    found = {}
    for name in modules():
        module = _part(model, name)
        weight = getattr(getattr(module, "base_layer", module), "weight", None)
        if weight is not None:
            found[name] = weight.detach()
    return found


def unoptimised(trial: Trial) -> list[str]:
    """Trainable parameters that are not in exactly one group of the method's optimiser."""
    groups = trial.method.optimizer(trial.model).param_groups
    counted = [id(parameter) for group in groups for parameter in group["params"]]
    return [name for name, p in trial.model.named_parameters() if p.requires_grad and counted.count(id(p)) != 1]


def extra_loss(trial: Trial) -> float:
    """What the loss of a training step has beyond the labels' cross-entropy."""
    trial.model.train()
    set_seed(0)
    batch = batches()[0]
    output = trial.model(**batch)
    trial.model.eval()
    labels = cross_entropy(output.logits.flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED)
    return float((output.loss - labels).detach())


def draws(trial: Trial) -> bool:
    """Whether two passes over a batch differ in training."""
    trial.model.train()
    set_seed(0)
    first, second = logits(trial.model), logits(trial.model)
    trial.model.eval()
    return not close(first, second)


def asked(method: Method, model: Seq2Seq, questions: Sequence[str]) -> list[str]:
    """The prompts that a model is given when a method answers questions, in the questions' order."""
    given: list[str] = []

    def note(_: torch.nn.Module, args: Any, kwargs: Any) -> None:
        given.extend(tokenizer().batch_decode(kwargs["input_ids"], skip_special_tokens=True))

    hook = plain(model).get_encoder().register_forward_pre_hook(note, with_kwargs=True)
    for question in questions:
        method.generate(model, [question])
    hook.remove()
    return given
