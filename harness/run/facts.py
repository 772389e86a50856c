"""What is known about a run so far, phase by phase, so that a failure keeps what came before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..models import precision
from ..models.base_model import Model
from ..spec.checkpoint import Checkpoint
from ..spec.metric import Metric
from ..spec.record import (
    Answers,
    Checks,
    Cost,
    Environment,
    Failure,
    Lengths,
    Outputs,
    Provenance,
    Record,
    RunSpec,
    Status,
)
from ..training.budget import Batches
from .meters import Meters
from .weights import Gradients


@dataclass(slots=True)
class Facts:
    """The fields of a record as they become known; until then, they are ``None``, zero or empty."""

    environment: Environment | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    bound: bool = False
    total_parameters: int | None = None
    trainable_parameters: int | None = None
    trainable_dtype: str | None = None
    examples: int = 0
    steps: int = 0
    tokens: int = 0
    optimizer_steps: int = 0
    dead_parameters: int | None = None
    optimizer_bytes: int | None = None
    micro_batch_size: int | None = None
    step_seconds_median: float | None = None
    step_seconds_p90: float | None = None
    examples_per_second: float | None = None
    tokens_per_second: float | None = None
    generated_tokens_per_second: float | None = None
    adapter_bytes: int | None = None
    largest_change: float | None = None
    frozen_unchanged: bool | None = None
    reload_equal: bool | None = None
    lengths: Lengths = field(default_factory=Lengths)
    answers: Answers | None = None
    metrics: tuple[Metric, ...] = ()
    scores: Mapping[str, float] | None = None
    best_scores: Mapping[str, float] | None = None
    predictions_hash: str | None = None
    weights_hash: str | None = None
    checkpoint: Checkpoint | None = None

    def count_parameters(self, model: Model) -> None:
        """Note how many parameters a model has, and of what type those are that training changes."""
        parameters = list(model.parameters())
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        self.total_parameters = sum(map(precision.elements, parameters))
        self.trainable_parameters = sum(map(precision.elements, trained))
        self.trainable_dtype = ", ".join(sorted({str(p.dtype).removeprefix("torch.") for p in trained})) or None

    def count_training(self, batches: Batches, gradients: Gradients, seconds: float) -> None:
        """Note what was spent on training, as far as it came."""
        used = batches.used
        self.examples, self.steps, self.tokens = used.examples, used.steps, used.tokens
        self.optimizer_steps = gradients.steps
        self.examples_per_second = used.examples / seconds
        self.tokens_per_second = used.tokens / seconds
        self.dead_parameters = gradients.dead_parameters
        self.optimizer_bytes = gradients.optimizer_bytes
        if steps := batches.step_seconds:
            self.step_seconds_median = float(np.median(steps))
            self.step_seconds_p90 = float(np.quantile(steps, 0.9))

    def record(self, spec: RunSpec, status: Status, error: Failure | None, meters: Meters, seconds: float) -> Record:
        """The record of what has happened so far, in ``seconds``."""
        return Record(
            spec=spec,
            status=status,
            error=error,
            scores=self.scores,
            best_scores=self.best_scores,
            metrics=self.metrics,
            predictions_hash=self.predictions_hash,
            outputs=Outputs(
                lengths=self.lengths,
                weights_hash=self.weights_hash,
                checkpoint=self.checkpoint,
                answers=self.answers,
            ),
            cost=self._cost(meters, seconds),
            checks=Checks(
                largest_change=self.largest_change,
                reload_equal=self.reload_equal,
                frozen_unchanged=self.frozen_unchanged,
            ),
            provenance=Provenance(hyperparameters=self.hyperparameters, defaults=self.defaults, bound=self.bound),
            environment=self.environment,
        )

    def _cost(self, meters: Meters, seconds: float) -> Cost:
        phases = meters.phases
        return Cost(
            trainable_parameters=self.trainable_parameters,
            total_parameters=self.total_parameters,
            dead_parameters=self.dead_parameters,
            examples=self.examples,
            steps=self.steps,
            tokens=self.tokens,
            optimizer_steps=self.optimizer_steps,
            train_seconds=phases["train"].seconds if "train" in phases else None,
            generate_seconds=phases["generate"].seconds if "generate" in phases else None,
            peak_rss_bytes=meters.peak("peak_rss_bytes"),
            peak_gpu_bytes=meters.peak("peak_gpu_bytes"),
            phases=phases,
            wall_seconds=seconds,
            step_seconds_median=self.step_seconds_median,
            step_seconds_p90=self.step_seconds_p90,
            examples_per_second=self.examples_per_second,
            tokens_per_second=self.tokens_per_second,
            generated_tokens_per_second=self.generated_tokens_per_second,
            adapter_bytes=self.adapter_bytes,
            optimizer_bytes=self.optimizer_bytes,
            micro_batch_size=self.micro_batch_size,
            trainable_dtype=self.trainable_dtype,
        )
