"""Whether a method changes what it says on a model of some architecture: three steps of training show it."""

import math
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import torch
from transformers import set_seed

from ..method import Method, Parts, Setting, parts
from ..models import families
from ..models.base_model import Model
from ..models.family import Batch, Encoded, Family
from ..spec.errors import brief
from ..spec.suite import Budget, ModelTable
from ..training.budget import Batches
from .architectures import tiny
from .subjects import PROMPT, VOCABULARY, tokenizer

STEPS, ROWS, MAX_NEW_TOKENS = 3, 4, 4
FIRST_TOKEN = 3  # that is no special one
QUESTIONS = [PROMPT.fill(text) for text in ("#Person1#: Hello.", "#Person1#: Where is my red bicycle?")]
MAX_LISTED_CHARACTERS = 300

Shares = dict[str, float]  # of its learning rate that a method changes a parameter with, by the parameter's name


@dataclass(frozen=True)
class Untrained:
    """What is known of a base model before a method gets it; parameters have their names in the base."""

    parts: Parts
    parameters: AbstractSet[str]
    learned: AbstractSet[str]  # those that the loss reaches

    def within(self, modules: Iterable[str]) -> AbstractSet[str]:
        """The parameters in these modules."""
        return {name for name in self.parameters if name.startswith(tuple(f"{module}." for module in modules))}


def problems(architecture: str, name: str, cls: type[Method]) -> list[str]:
    """What the method of that name does otherwise than it says, on a model of that architecture; empty if nothing.

    It is built, trained for three steps on random tokens and asked two questions. Raises ``Unsupported`` if the method
    does, and whatever else goes wrong.
    """
    model = tiny(architecture, VOCABULARY)
    family = families.of(ModelTable(name=architecture), model.config)(tokenizer())
    batches, method = _batches(family), cls(Setting(family, PROMPT, MAX_NEW_TOKENS, num_beams=1, seed=0))
    with warnings.catch_warnings(action="ignore"):
        expected = EXPECTED[name](_untrained(tiny(architecture, VOCABULARY), batches), cls.hyperparameters())
        set_seed(0)
        adapted = method.build(model)
        started = {own: parameter.detach().clone() for own, parameter in _parameters(adapted).items()}
        shares = _train(method, adapted, batches) if method.trains else {}
        method.generate(adapted, QUESTIONS)
    moved = [own for own, parameter in _parameters(adapted).items() if not torch.equal(parameter, started[own])]
    return _differences(expected, {own: shares.get(own, 0.0) for own in moved})


def _batches(family: Family) -> list[Batch]:
    """Batches of rows of different lengths, of random tokens."""
    draw = torch.Generator().manual_seed(0)

    def tokens(length: int) -> torch.Tensor:
        return torch.randint(FIRST_TOKEN, VOCABULARY, (length,), generator=draw, dtype=torch.int32)

    return [family.batch([Encoded(tokens(8 + row), tokens(4 + row)) for row in range(ROWS)]) for _ in range(STEPS)]


def _untrained(base: Model, batches: Sequence[Batch]) -> Untrained:
    for batch in batches:
        base(**batch).loss.backward()
    named = dict(base.named_parameters())
    learned = {name for name, parameter in named.items() if parameter.grad is not None and parameter.grad.any()}
    return Untrained(parts(base), set(named), learned)


def _parameters(model: Model) -> dict[str, torch.nn.Parameter]:
    """The parameters of a model by their names in the base; what PEFT puts beside the base keeps its own name."""
    inside = model.get_base_model() if hasattr(model, "get_base_model") else model
    names = {id(parameter): name.replace(".base_layer", "") for name, parameter in inside.named_parameters()}
    return {names.get(id(parameter), name): parameter for name, parameter in model.named_parameters()}


def _train(method: Method, model: Model, batches: Sequence[Batch]) -> Shares:
    """Train, and return the share of the method's learning rate that each parameter learns with."""
    names = {id(parameter): name for name, parameter in _parameters(model).items()}
    groups = method.optimizer(model).param_groups
    row_tokens = method.setting.family.row_tokens
    method.train(model, Batches(iter(batches), Budget(max_steps=STEPS), model.device, row_tokens))
    return {
        names[id(parameter)]: group["lr"] / method.learning_rate for group in groups for parameter in group["params"]
    }


def _differences(expected: Shares, found: Shares) -> list[str]:
    """In what the parameters that were to change, with their shares, differ from those that did."""
    both = expected.keys() & found.keys()
    differences = {
        "stay as they were": expected.keys() - found.keys(),
        "change as well": found.keys() - expected.keys(),
        "have another learning rate": {name for name in both if not math.isclose(expected[name], found[name])},
    }
    return [f"{_listed(names)} {what}" for what, names in differences.items() if names]


def _listed(names: Collection[str]) -> str:
    return brief(", ".join(sorted(names)), MAX_LISTED_CHARACTERS)


# What each method says that it changes, from what is known of the base and from the method's hyper-parameters.


def _nothing(base: Untrained, values: Mapping[str, Any]) -> Shares:
    return {}


def _all_that_learns(base: Untrained, values: Mapping[str, Any]) -> Shares:
    return dict.fromkeys(base.learned, 1.0)


def _adapters(base: Untrained, values: Mapping[str, Any]) -> Shares:
    """The two matrices beside each projection."""
    projections = base.parts.modules(*values["target_modules"])
    return {f"{module}.lora_{half}.default.weight": 1.0 for module in projections for half in "AB"}


def _virtual_tokens(base: Untrained, values: Mapping[str, Any]) -> Shares:
    return {"prompt_encoder.default.embedding.weight": 1.0}


def _copies_of_norms(base: Untrained, values: Mapping[str, Any]) -> Shares:
    """All norms, which PEFT trains as copies; LongT5's global ones have no part in a text of one block."""
    names = [name.rpartition(".") for name in base.learned & base.within(base.parts.modules("norm"))]
    return {f"{module}.ln_tuning_layers.default.{own}": 1.0 for module, _, own in names}


def _upper_blocks(base: Untrained, values: Mapping[str, Any]) -> Shares:
    """The topmost blocks of each stack, and the norms above them."""
    top = [block for blocks in base.parts.blocks.values() for block in blocks[-values["layers"] :]]
    norms = [norm for final in base.parts.final_norms.values() for norm in final]
    return dict.fromkeys(base.learned & base.within([*top, *norms]), 1.0)


def _slower_below(base: Untrained, values: Mapping[str, Any]) -> Shares:
    """Everything, each block more slowly than the one above it, and what is below the blocks most slowly."""
    shares, stacks = _all_that_learns(base, values), list(base.parts.blocks.values())
    for blocks in stacks:
        for above, block in enumerate(reversed(blocks)):
            shares |= dict.fromkeys(base.learned & base.within([block]), values["decay"] ** above)
    lowest = values["decay"] ** max(map(len, stacks))
    return shares | dict.fromkeys(base.learned & base.within(base.parts.inputs), lowest)


EXPECTED: Mapping[str, Callable[[Untrained, Mapping[str, Any]], Shares]] = {
    "zero_shot": _nothing,
    "full_finetune": _all_that_learns,
    "lora": _adapters,
    "prompt_tuning": _virtual_tokens,
    "ln_tuning": _copies_of_norms,
    "last_layers": _upper_blocks,
    "layerwise_decay": _slower_below,
}
