"""What a method must keep to: functions over its class, which say how it behaves on a tiny model and a few rows.

They need nothing but Tuneoff itself, so that an author can hold a method of his own against them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import set_seed

from harness.method import Method, Setting
from harness.models.base_model import Model
from harness.models.family import IGNORED, Batch, Family
from harness.models.seq2seq import Seq2SeqFamily
from harness.spec.suite import Budget, Precision
from harness.training import autocast
from harness.training.budget import Batches
from support.toy import CPU, PROMPT, base, batches, copy_of_base, endless, examples, prompts, tokenizer

STEPS = 3
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
    model: Model
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


def having(cls: type[Method], **values: Any) -> type[Method]:
    """The method with other hyper-parameters."""
    return type(cls.__name__, (cls,), {**values, "__module__": cls.__module__})


def instance(cls: type[Method], seed: int = 0, *, family: Family | None = None, **setting: Any) -> Method:
    """The method, set up as a run does: for the tiny T5 unless another family is given."""
    shared: dict[str, Any] = {"max_new_tokens": 4, "num_beams": 1, "seed": seed, "examples": examples()}
    return cls(Setting(family or Seq2SeqFamily(tokenizer()), PROMPT, **{**shared, **setting}))


def built(cls: type[Method], seed: int = 0, seen: Sequence[Batch] | None = None, **setting: Any) -> Trial:
    """The method with the model that it built, seeded as in a run; ``seen`` is what it prepares itself with."""
    method, model = instance(cls, seed, **setting), copy_of_base()
    set_seed(seed)
    method.prepare(model, batches() if seen is None else seen)
    set_seed(seed)
    model = method.build(model).eval()
    started = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    counted = method.setting.family.row_tokens
    return Trial(method, model, started, Batches(endless(), Budget(max_steps=STEPS), CPU, counted))


def trained(cls: type[Method], seed: int = 0, *, recompute: bool = False, precision: Precision = "float32") -> Trial:
    """The method after a few steps in this precision; ``recompute`` is gradient checkpointing."""
    trial = built(cls, seed)
    if trial.method.trains:
        if recompute:
            trial.model.activation_checkpointing_enable({"use_reentrant": False})
        set_seed(seed)
        with autocast.applied(trial.model, precision):
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
def logits(model: Model, batch: Batch | None = None) -> torch.Tensor:
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


def plain(model: Model) -> Model:
    """The base model inside."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _part(model: Model, name: str) -> torch.nn.Module:
    found: torch.nn.Module = plain(model).get_submodule(name)
    return found


def base_weights(model: Model) -> dict[str, torch.Tensor]:
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


def asked(method: Method, model: Model, questions: Sequence[str]) -> list[str]:
    """The prompts that a model is given when a method answers questions, in the questions' order."""
    given: list[str] = []

    def note(_: torch.nn.Module, args: Any, kwargs: Any) -> None:
        given.extend(tokenizer().batch_decode(kwargs["input_ids"], skip_special_tokens=True))

    hook = plain(model).get_encoder().register_forward_pre_hook(note, with_kwargs=True)
    for question in questions:
        method.generate(model, [question])
    hook.remove()
    return given


def decoded(method: Method, model: Model) -> list[int]:
    """How many beams a model follows for a prompt, token by token of its answer."""
    beams: list[int] = []

    def note(_: torch.nn.Module, args: Any, kwargs: Any) -> None:
        beams.append(len(kwargs["input_ids"]))

    hook = plain(model).get_decoder().register_forward_pre_hook(note, with_kwargs=True)
    method.generate(model, prompts()[:1])
    hook.remove()
    return beams
