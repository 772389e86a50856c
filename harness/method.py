"""The plugin contract: a method builds, trains and generates; the base class implements what most methods share."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Annotated, Any, ClassVar

import torch
from peft import LoraConfig, PeftConfig, get_peft_model
from pydantic import Field
from transformers import Cache

from .metrics.rouge.metric import rouge
from .models.base_model import Model
from .models.family import Batch
from .models.freezing import train_modules, train_only, unfreeze
from .models.parts import Parts, cache_shape, linear_only, parts, targets, unusual_layers
from .spec import hyperparameters
from .spec.errors import Unsupported
from .spec.metric import Likelihood
from .tasks.task import Question
from .training import choosing, decoding, likelihood, loop
from .training.budget import Batches
from .training.setting import Setting

__all__ = [
    "Batch",
    "Batches",
    "Bound",
    "Likelihood",
    "LoraMethod",
    "Method",
    "Model",
    "Parts",
    "PeftMethod",
    "PrefixMethod",
    "PromptMethod",
    "Question",
    "Seq2Seq",
    "Setting",
    "Unsupported",
    "UntrainedMethod",
    "linear_only",
    "parts",
    "rouge",
    "targets",
    "train_modules",
    "train_only",
    "unfreeze",
]


NO_HYPERPARAMETERS = {"trains", "families", "splits_batches", "answers_together"}  # of a method's attributes
Seq2Seq = Model  # the name in method files that were written before there were families


class Method:
    """A fine-tuning procedure under test.

    Public class attributes that hold a number, a string, a boolean, or a list or tuple of these are hyper-parameters:
    the suite's ``[methods.<id>]`` can set them, and the record stores them. An annotation such as
    ``rank: Annotated[int, Field(ge=1)] = 8`` sets bounds; ``harness.spec.hyperparameters.BOUNDS`` has the bounds of
    common names.
    """

    trains: ClassVar[bool] = True  # False: a reference row that learns nothing
    families: ClassVar[tuple[str, ...]] = ("seq2seq", "causal")  # of base models that it can attach to
    splits_batches: ClassVar[bool] = True  # False: what it does with a row depends on the rows beside it
    answers_together: ClassVar[bool] = True  # False: what it answers depends on the prompts beside it
    learning_rate = 1e-3
    weight_decay = 0.0
    warmup = 0.05
    max_grad_norm = 1.0

    def __init__(self, setting: Setting):
        """Set up for one run, of which ``setting`` is known from here on.

        Raises ``Unsupported`` for a family that the method is not for, for micro batches if it cannot have them, and
        for rendered conversations if it presents prompts otherwise than they are.
        """
        if setting.family.name not in self.families:
            raise Unsupported(f"it is not for {setting.family.kind} models")
        if setting.family.rendered and type(self).presented is not Method.presented:
            raise Unsupported("it puts texts around prompts, but these are conversations that a template has rendered")
        if setting.micro_batch_size is not None and not self.splits_batches:
            raise Unsupported(
                "what it does with a row depends on the rows beside it, so that run.micro_batch_size would change its "
                "gradient"
            )
        self.setting = setting

    def prepare(self, base: Model, batches: Sequence[Batch]) -> None:
        """Inspect the base model and the first training batches before ``build``; timed separately.

        Training begins with the same batches; they do not count against the budget here. The base model must not be
        changed.
        """

    def build(self, base: Model) -> Model:
        """Return the model to train, made from a fresh base model; parameters to train have ``requires_grad``.

        Raise ``Unsupported`` if the method cannot attach to this base model.
        """
        raise NotImplementedError

    def train(self, model: Model, batches: Batches) -> None:
        """Train on the batches that the budget allows; never sees validation or test data."""
        loop.fit(
            model,
            batches,
            self.optimizer(model),
            warmup=self.warmup,
            max_grad_norm=self.max_grad_norm,
            micro_batch_size=self.setting.micro_batch_size,
            labels=self.labels_per_row,
            after_step=lambda step, progress: self.after_step(model, step, progress),
        )

    def generate(self, model: Model, prompts: Sequence[str]) -> list[str]:
        """Return one text per prompt, in order; never sees references."""
        self.patch(model)
        return decoding.generate(
            model,
            self.setting.family,
            self.presented(prompts),
            max_new_tokens=self.setting.max_new_tokens,
            num_beams=self.setting.num_beams,
            settings=self.setting.generation,
            stop=self.setting.stop,
            together=self.answers_together,
        )

    def choose(self, model: Model, prompts: Sequence[str], labels: Sequence[str]) -> list[str]:
        """Return one of the labels per prompt, in order: the likeliest, per token.

        Where a class has its own ``generate``, but not its own ``choose``, ``generate`` is called instead.
        """
        self.patch(model)
        asked, together = self.presented(prompts), self.answers_together
        chosen = choosing.choose(model, self.setting.family, asked, labels, together=together)
        return [labels[number] for number in chosen]

    def likelihoods(self, model: Model, prompts: Sequence[str], targets: Sequence[str]) -> list[Likelihood]:
        """Return how likely each target is after its prompt; a class with its own ``generate`` alone has none."""
        self.patch(model)
        asked, together = self.presented(prompts), self.answers_together
        return likelihood.likelihoods(model, self.setting.family, asked, targets, together=together)

    def presented(self, prompts: Sequence[str]) -> Sequence[str]:
        """Return the prompts as the model reads them, in order; as they are by default.

        Rendered conversations are whole: a method that has its own ``presented`` is ``unsupported`` there.
        """
        return prompts

    def patch(self, model: Model) -> None:
        """Correct in place what a model does wrong and no configuration can correct; nothing by default.

        Called before each question to a model, because one that was loaded again has lost the change.
        """

    def optimizer(self, model: Model) -> torch.optim.Optimizer:
        """The optimiser of the shared loop: AdamW over all trainable parameters."""
        return torch.optim.AdamW(
            loop.trainable(model), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )

    def labels_per_row(self, batch: Batch) -> torch.Tensor:
        """The number of labels of each row over which the model's loss is the mean; micro batches weigh as much."""
        return loop.labels_per_row(batch)

    def after_step(self, model: Model, step: int, progress: float) -> None:
        """Called by the shared loop after every optimiser step, while the gradients are still available.

        Steps count from 0; ``progress`` is the share of the budget that has been spent, 0..1.
        """

    @classmethod
    def hyperparameters(cls) -> Mapping[str, Any]:
        """The hyper-parameters of the class, with their defaults."""
        names = (name for name in dir(cls) if not name.startswith("_") and name not in NO_HYPERPARAMETERS)
        values = ((name, getattr(cls, name)) for name in names)
        return {name: copy(value) for name, value in values if hyperparameters.is_one(value)}


class PeftMethod(Method):
    """A method from the PEFT library: only the configuration differs."""

    def config(self, base: Model) -> PeftConfig:
        """The configuration of the adapter for this base model."""
        raise NotImplementedError

    def build(self, base: Model) -> Model:
        """Return the frozen base model with a new adapter."""
        model = self.attach(base)
        self.patch(model)
        return model

    def attach(self, base: Model, **options: Any) -> Model:
        """Return the frozen base model with the adapter of ``config``; ``options`` go to PEFT's ``get_peft_model``.

        The task type is filled in, so that a method need not know the kind of its base model. Raises ``Unsupported``
        if PEFT refuses layers that are no plain linear ones, such as those of GPT-2.
        """
        config = self.config(base)
        config.task_type = config.task_type or self.setting.family.task_type
        try:
            return get_peft_model(base, config, **options)
        except (TypeError, ValueError, NotImplementedError) as error:
            if kind := next((kind for kind in unusual_layers(base) if kind in str(error)), None):
                raise Unsupported(f"PEFT has no such adapter for {kind} layers: {error}") from error
            raise


class LoraMethod(PeftMethod):
    """LoRA or one of its variants, with the hyper-parameters that they share.

    A variant sets what else it needs in ``config``: ``return replace(super().config(base), use_dora=True)``, where
    ``replace`` is that of ``dataclasses``.
    """

    rank = 32
    alpha = 32
    dropout = 0.0
    target_modules: Annotated[list[str], Field(min_length=1)] = ["query", "value"]  # roles, or names as PEFT takes them

    def config(self, base: Model) -> LoraConfig:
        """The configuration of LoRA for this base model."""
        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=targets(base, *self.target_modules),
        )


class PromptMethod(PeftMethod):
    """A method that trains vectors in front of the embedded tokens that the model reads."""

    virtual_tokens = 20

    def shape(self, base: Model) -> dict[str, Any]:
        """The arguments that PEFT's configurations of such methods share; PEFT finds only some architectures' own."""
        if getattr(base.get_encoder(), "embed_scale", 1.0) != 1.0:
            raise Unsupported("PEFT embeds tokens without the factor by which this encoder scales its embeddings")
        return {
            "num_virtual_tokens": self.virtual_tokens,
            "num_transformer_submodules": 1,  # PEFT's default makes a second half, of which the encoder sees nothing
            "token_dim": base.get_input_embeddings().embedding_dim,
            "num_layers": len(next(iter(parts(base).blocks.values()))),  # asked for, but not used, like the heads
            "num_attention_heads": getattr(base.config, "num_attention_heads", 1),
        }


class PrefixMethod(PeftMethod):
    """A method that trains keys and values in front of those of every decoder layer."""

    virtual_tokens = 20

    def shape(self, base: Model) -> dict[str, Any]:
        """The arguments that PEFT's configurations of such methods share."""
        layers, heads, size = cache_shape(base)  # PEFT's defaults are an encoder's layers and heads, and the width
        return {
            "num_virtual_tokens": self.virtual_tokens,
            "num_layers": layers,
            "num_attention_heads": heads,
            "token_dim": heads * size,
            "num_transformer_submodules": 1,
        }

    def train(self, model: Model, batches: Batches) -> None:
        """Train without gradient checkpointing, which would compute layers again and fill the cache twice."""
        model.activation_checkpointing_disable()
        super().train(model, batches)

    def patch(self, model: Model) -> None:
        """Replace PEFT's cache for two submodules: it gives layers wrong prefixes and leaves half of them unused."""

        def cache(batch_size: int, **options: Any) -> Cache:
            return self.setting.family.cache(type(model).get_prompt(model, batch_size, **options))

        model.get_prompt = cache


class UntrainedMethod(Method):
    """A reference row: the base model as it is, from which nothing is trained."""

    trains = False

    def build(self, base: Model) -> Model:
        """Return the base model, frozen."""
        return base.requires_grad_(False)


class Bound(UntrainedMethod):
    """A bound that reads the references, as no other method may: its row is marked as a bound and has no rank."""

    def answer(self, questions: Sequence[Question]) -> list[str]:
        """Return a text per question, in order, instead of ``generate``; a question's ``targets`` are whole answers."""
        raise NotImplementedError
