"""One run from load to score, in the process that it has for itself."""

import hashlib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from transformers import set_seed

from harness import base_model, environment, registry, scoring
from harness.base_model import Seq2Seq
from harness.budget import Batches
from harness.errors import ContractError, Diverged, Unsupported, UsageError
from harness.meters import Meters
from harness.method import Method, Setting
from harness.metrics import ROUGE
from harness.record import Cost, Failure, Lengths, Prediction, Record, RunSpec, Scores, Status
from harness.registry import Plugin
from harness.task import Question, Task

REMEDIES = {
    Status.DIVERGED: "lower the method's learning_rate in the suite's [methods.<id>], or in its file",
    Status.OUT_OF_MEMORY: "lower batch_size in [run] or max_source_tokens in [task], or take a smaller base model",
    Status.FAILED: "the traceback names the line; only this method's rows are affected",
    Status.UNSUPPORTED: "leave the method out of this suite, or choose another base model",
}


@dataclass(frozen=True)
class Order:
    """What one process is asked to do."""

    spec: RunSpec
    plugin: Plugin
    device: str | None
    threads: int


@dataclass(frozen=True)
class Outcome:
    """What came of it; ``predictions`` is empty unless the run got as far as scoring."""

    record: Record
    predictions: tuple[Prediction, ...] = ()


class Run:
    """A run under way: each phase adds to what the record will say, so that a failure keeps what came before."""

    def __init__(self, order: Order):
        self.order = order
        self.spec = order.spec
        self.facts: dict[str, Any] = {}
        self.cost: dict[str, Any] = {}
        self.predictions: tuple[Prediction, ...] = ()

    def execute(self) -> Outcome:
        """Do everything; whatever goes wrong becomes a status."""
        torch.set_num_threads(self.order.threads)
        device = base_model.pick_device(self.order.device)
        self.meters = Meters(device)
        try:
            self._phases(device)
            return self._outcome(Status.OK)
        except Exception as error:  # a plugin may raise anything
            status = _status(error)
            return self._outcome(status, _failure(status, error, self.order.plugin))

    def _phases(self, device: torch.device) -> None:
        with self.meters.phase("load"):
            base = base_model.load(self.spec.model, device)
            task = Task(self.spec.task, base.tokenizer)
            training, questions = task.training, task.test
            self.facts["data_hash"] = task.hash
        with self.meters.phase("build"):
            method = self._method(task)
            set_seed(self.spec.seed)
            model = _checked(method.build(base.model), method)
        self._count(model)
        batches = Batches(task.batches(self.spec.batch_size, self.spec.seed), self.spec.budget, device)
        with self.meters.phase("train"):
            set_seed(self.spec.seed)
            if method.trains:
                method.train(model, batches)
        self.cost |= {unit: getattr(batches.used, unit) for unit in ("examples", "steps", "tokens")}
        with self.meters.phase("generate"):
            texts = _texts(method.generate(model, [question.prompt for question in questions]), questions)
        with self.meters.phase("score"):
            self._score(questions, texts)
        del training

    def _method(self, task: Task) -> Method:
        cls = registry.load(self.order.plugin, self.spec.overrides)
        self.facts["hyperparameters"] = dict(cls.hyperparameters())
        evaluation = self.spec.evaluation
        return cls(
            Setting(task.tokenizer, task.prompt, evaluation.max_new_tokens, evaluation.num_beams, self.spec.seed)
        )

    def _count(self, model: Seq2Seq) -> None:
        parameters = list(model.parameters())
        self.cost["total_parameters"] = sum(p.numel() for p in parameters)
        self.cost["trainable_parameters"] = sum(p.numel() for p in parameters if p.requires_grad)

    def _score(self, questions: Sequence[Question], texts: Sequence[str]) -> None:
        pairs = scoring.rouge(texts, [question.references for question in questions])
        self.predictions = tuple(
            Prediction(
                id=question.id,
                prompt=question.prompt,
                references=question.references,
                text=text,
                scores=mean,
                best=best,
            )
            for question, text, (mean, best) in zip(questions, texts, pairs, strict=True)
        )
        names = [metric.name for metric in ROUGE]
        means = {name: fmean(prediction.scores[name] for prediction in self.predictions) for name in names}
        best = {name: fmean(prediction.best[name] for prediction in self.predictions) for name in names}
        self.facts["scores"] = Scores(**means, best=best)
        self.facts["predictions_hash"] = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
        self.facts["lengths"] = _lengths(questions, texts)

    def _outcome(self, status: Status, error: Failure | None = None) -> Outcome:
        phases = self.meters.phases
        cost = Cost(
            **self.cost,
            train_seconds=phases["train"].seconds if "train" in phases else None,
            generate_seconds=phases["generate"].seconds if "generate" in phases else None,
            peak_rss_bytes=self.meters.peak_rss_bytes,
            peak_gpu_bytes=max((p.peak_gpu_bytes for p in phases.values() if p.peak_gpu_bytes), default=None),
            phases=phases,
        )
        record = Record(
            spec=self.spec,
            status=status,
            cost=cost,
            environment=environment.describe(self.meters.device),
            error=error,
            **self.facts,
        )
        return Outcome(record, self.predictions)


def execute(order: Order) -> Outcome:
    """Do one run in this process."""
    return Run(order).execute()


def check(order: Order) -> None:
    """Raise the ``UsageError`` that the run would meet in its model, its data or its plugin's file."""
    device = base_model.pick_device(order.device)
    base = base_model.load(order.spec.model, device)
    Task(order.spec.task, base.tokenizer)


def _checked(model: Any, method: Method) -> Seq2Seq:
    name = type(method).__name__
    if not isinstance(model, torch.nn.Module):
        raise ContractError(f"{name}.build() returned {type(model).__name__}; it must return the model")
    if method.trains and not any(parameter.requires_grad for parameter in model.parameters()):
        raise ContractError(
            f"{name}.build() left nothing to train; set requires_grad on what is trained, "
            f"or trains = False on the class if that is meant"
        )
    return model


def _texts(texts: Any, questions: Sequence[Question]) -> list[str]:
    if not isinstance(texts, list | tuple):
        raise ContractError(f"generate() returned {type(texts).__name__}; it must return a list of strings")
    if len(texts) != len(questions):
        raise ContractError(f"generate() returned {len(texts)} texts for {len(questions)} prompts")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ContractError(f"generate() returned {type(text).__name__} for prompt {number}; it must be a string")
    return list(texts)


def _lengths(questions: Sequence[Question], texts: Sequence[str]) -> Lengths:
    references = [reference for question in questions for reference in question.references]
    return Lengths(
        prompts_truncated=fmean(question.truncated for question in questions),
        outputs_empty=fmean(not text.strip() for text in texts),
        words_out=fmean(len(text.split()) for text in texts),
        words_reference=fmean(len(text.split()) for text in references),
    )


def _status(error: Exception) -> Status:
    match error:
        case Unsupported():
            return Status.UNSUPPORTED
        case Diverged():
            return Status.DIVERGED
        case MemoryError() | torch.OutOfMemoryError():
            return Status.OUT_OF_MEMORY
    return Status.FAILED


def _failure(status: Status, error: Exception, plugin: Plugin) -> Failure:
    remedy = "" if isinstance(error, UsageError) else REMEDIES[status]
    return Failure(type=type(error).__name__, message=str(error), remedy=remedy, traceback=_trimmed(error, plugin))


def _trimmed(error: Exception, plugin: Plugin) -> str:
    """The traceback from the plugin's first frame on, or whole where the plugin has no part in it."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((i for i, frame in enumerate(frames) if frame.filename == str(plugin.path)), 0)
    return "".join([*traceback.format_list(frames[first:]), *traceback.format_exception_only(error)])
