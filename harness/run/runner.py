"""One run from loading to saving, in a process of its own."""

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedTokenizerBase, set_seed
from transformers.utils import logging

from ..method import Bound, Method, Setting
from ..metrics.several import Scoring
from ..models import base_model, precision, quantised
from ..models.base_model import Base, Model
from ..spec import failure
from ..spec.checkpoint import Checkpoint
from ..spec.errors import ContractError, Diverged, Unsupported
from ..spec.metric import Likelihood, options_of
from ..spec.plan import Order
from ..spec.record import Failure, Prediction, RunOutcome, Status, hash_of
from ..spec.suite import AUTO
from ..tasks import prepared
from ..tasks.task import PreparedTask
from ..training import autocast, decoding
from ..training.budget import Batches
from ..training.decoding import Generated
from . import answers, checkpoint, contract, environment, kept, loader, scorers, soundness, weights
from .facts import Facts
from .kept import Trained
from .live import Live
from .meters import Meters

MAX_PREPARE_BATCHES = 8  # that prepare() may inspect
RELOAD_SAMPLE = 8  # prompts that the reloaded model must answer with the same texts
INTERRUPTED = "the run ended while its model was being kept, for example at hard_seconds or for lack of memory"

Report = Callable[[RunOutcome], None]


def execute(order: Order, scratch: Path, report: Report | None = None) -> RunOutcome:
    """Execute one run; whatever goes wrong becomes a status. ``scratch`` is an empty folder for the run's files.

    If the model is to be kept, ``report`` first gets the outcome without it, which holds if the process then ends.
    """
    run = Runner(order, scratch)
    try:
        run.phases(report)
        return run.outcome(Status.OK)
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        return run.outcome(*failure.of_exception(error, order.plugin.path))


class Built(NamedTuple):
    """A method with the model that it has built, and what the two will be asked."""

    method: Method
    model: Model
    task: PreparedTask
    scoring: Scoring


class Runner:
    """A run in progress: each phase adds to the record, so that a failure keeps what came before."""

    def __init__(self, order: Order, scratch: Path):
        self.order = order
        self.spec = order.spec
        self.scratch = scratch
        self.began = perf_counter()
        self.live = Live(order.spec.name, scratch)
        self.meters = Meters(entered=self.live.phase)
        self.facts = Facts()
        self.predictions: tuple[Prediction, ...] = ()

    def phases(self, report: Report | None) -> None:
        """Load, prepare, build, train, generate, score, save; each is measured separately, and so are the checks."""
        method, model, task, scoring = self.built()
        if method.trains:
            self._train(method, model, task)
        with self.meters.phase("generate"):
            texts, generated = self._generate(method, model, task, scoring)
        likelihoods = self._likelihoods(method, model, task, scoring)
        with self.meters.phase("score"):
            if not answers.chosen(method, task):  # else nothing is generated
                self._count_generated(texts, task.family.tokenizer, generated)
            ended = [task.reading.ended(text) for text in texts]
            self.facts.lengths = answers.lengths(task, ended, generated, scoring)
            self._score(task, ended, likelihoods, scoring)
        if method.trains:
            with self.meters.phase("save"):
                self._save(method, model, task, texts)
        if method.trains and (place := self.order.keep):
            self.facts.checkpoint = Checkpoint(reason=INTERRUPTED)
            if report is not None:
                report(self.outcome(Status.OK))
            with self.meters.phase("keep"):
                self._keep(place, method, task, texts)

    def built(self) -> Built:
        """Load, prepare and build."""
        with self.meters.phase("load"):
            scoring = scorers.scoring_of(self.order)
            base, task = self._load(scoring)
        with self.meters.phase("build"):
            method = self._method(base, task)
            answers.check(method, scoring)
        if type(method).prepare is not Method.prepare:
            self._prepare(method, base.model, task)
        with self.meters.phase("build"):
            model = self._build(method, base.model, task)
        return Built(method, model, task, scoring)

    def outcome(self, status: Status, error: Failure | None = None) -> RunOutcome:
        """The record of what has happened so far."""
        record = self.facts.record(self.spec, status, error, self.meters, perf_counter() - self.began)
        return RunOutcome(record=record, predictions=self.predictions)

    @property
    def device(self) -> torch.device:
        """Where the model is, once the run has begun to load."""
        return self.meters.device

    @property
    def saved(self) -> Path:
        """Where the trained model is saved."""
        return self.scratch / "checkpoint"

    def _load(self, scoring: Scoring) -> tuple[Base, PreparedTask]:
        torch.set_num_threads(self.order.threads)
        logging.disable_progress_bar()  # it would fill the log, and needs a standard output
        self.meters.device = base_model.pick_device(self.order.device)
        base = base_model.load(self.order.model, self.device, self.spec.evaluation, self.spec.task)
        here = environment.describe(self.device, base.model, scoring.metrics, self.spec.precision)
        self.facts.environment = here  # as it is before a plugin runs
        task = prepared.load(self.order.task, base.family)
        self._enter_plugins_folder()
        return base, task

    def _enter_plugins_folder(self) -> None:
        """Make an empty folder, which is removed after the run, the working directory for what a plugin writes."""
        folder = self.scratch / "plugin"
        folder.mkdir()
        os.chdir(folder)

    def _method(self, base: Base, task: PreparedTask) -> Method:
        cls = loader.load(self.order.plugin, self.spec.overrides)
        if self.order.multiplier is not None:
            loader.multiply(cls, self.order.multiplier)
        self.facts.hyperparameters = dict(cls.hyperparameters())
        self.facts.defaults = loader.defaults(cls)
        if self.spec.micro_batch_size == AUTO:
            self.facts.micro_batch_size = self.order.micro_batch_size or self.spec.batch_size
        self.facts.bound = issubclass(cls, Bound)  # a method that sees references has no rank
        evaluation = self.spec.evaluation
        return cls(
            Setting(
                base.family,
                task.prompt,
                max_new_tokens=evaluation.max_new_tokens,
                num_beams=evaluation.num_beams,
                seed=self.spec.seed,
                micro_batch_size=self.order.micro_batch_size,
                examples=task.examples(self.spec.batch_size, self.spec.seed)[: self.spec.budget.max_examples],
                generation=deepcopy(base.model.generation_config),
                stop=task.reading.stop,
            )
        )

    def _prepare(self, method: Method, base: Model, task: PreparedTask) -> None:
        batches = list(islice(self._batches(task), MAX_PREPARE_BATCHES))
        with self.meters.phase("check"):
            before = weights.digest(base)
        with self.meters.phase("prepare"):
            set_seed(self.spec.seed)
            with quantised.refusals(base):
                method.prepare(base, batches)
        with self.meters.phase("check"):
            if weights.digest(base) != before:
                raise ContractError("prepare() changed the base model; it must store its findings in the method")

    def _batches(self, task: PreparedTask) -> Batches:
        source = task.batches(self.spec.batch_size, self.spec.seed)
        return Batches(source, self.spec.budget, self.device, task.family.row_tokens, self.live.spent)

    def _build(self, method: Method, base: Model, task: PreparedTask) -> Model:
        set_seed(self.spec.seed)
        model = contract.model(self._built(method, base), method)
        if reason := soundness.too_long(model, task, self.spec.evaluation):
            raise Unsupported(reason)
        if method.trains and self.spec.gradient_checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        self.facts.count_parameters(model)
        return model

    def _built(self, method: Method, base: Model) -> Any:
        """What ``build`` returns; what it trains beside a frozen base is float32, and works on quantised weights."""
        if not (method.trains and precision.frozen(self.order.model)):
            return method.build(base)
        own = set(base.parameters())
        with quantised.refusals(base):
            model = method.build(base)
        if isinstance(model, torch.nn.Module):
            quantised.check(model)
            precision.settle(model, own, self.order.model)
        return model

    def _train(self, method: Method, model: Model, task: PreparedTask) -> None:
        with self.meters.phase("load"):
            batches = self._batches(task)
        with self.meters.phase("check"):
            before = weights.Snapshot(model, self.scratch)
            gradients = weights.Gradients(model)
        try:
            with gradients.watch(), autocast.applied(model, self.spec.precision), self.meters.phase("train"):
                set_seed(self.spec.seed)
                method.train(model, batches)
        except (Exception, SystemExit) as error:
            failure.release(error)
            raise
        finally:
            with self.meters.phase("check"):
                self.facts.count_training(batches, gradients, self.meters.phases["train"].seconds)
        with self.meters.phase("check"):
            self._check_weights(model, before)

    def _check_weights(self, model: Model, before: weights.Snapshot) -> None:
        if not weights.finite(model):
            raise Diverged("a trained weight is NaN or infinite")
        self.facts.largest_change = before.largest_change(model)
        self.facts.frozen_unchanged = before.frozen_unchanged(model)
        if not self.facts.frozen_unchanged:
            raise ContractError("training changed weights that build() had frozen (requires_grad was False)")

    def _generate(
        self, method: Method, model: Model, task: PreparedTask, scoring: Scoring
    ) -> tuple[list[str], Generated]:
        with scoring.reading(options_of(task.metrics)), decoding.counting() as generated:  # a bound may compute scores
            given = answers.given(method, model, task, task.questions)
        return contract.texts(given, len(task.questions)), generated

    def _count_generated(self, texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, generated: Generated) -> None:
        tokens = generated.tokens or sum(map(len, tokenizer(list(texts), verbose=False)["input_ids"]))
        self.facts.generated_tokens_per_second = tokens / self.meters.phases["generate"].seconds

    def _likelihoods(self, method: Method, model: Model, task: PreparedTask, scoring: Scoring) -> list[Likelihood]:
        """How likely the model finds the references of each question, if a metric needs that."""
        if not scoring.needs_likelihoods:
            return []
        with self.meters.phase("likelihoods"):
            return answers.likelihoods(method, model, task)

    def _score(
        self, task: PreparedTask, texts: Sequence[str], likelihoods: Sequence[Likelihood], scoring: Scoring
    ) -> None:
        read, references = answers.read(task, texts), [question.references for question in task.questions]
        with scoring.reading(options_of(task.metrics)):
            counted = [question.scored for question in task.questions]
            found = scoring.scored(read, references, counted, likelihoods)
        self.predictions = answers.predictions(task, texts, found)
        self.facts.metrics = task.metrics
        self.facts.scores = found.values
        self.facts.best_scores = answers.best_scores(self.predictions)
        self.facts.predictions_hash = hash_of(each.text for each in self.predictions)
        self.facts.answers = answers.counted(task, texts)

    def _save(self, method: Method, model: Model, task: PreparedTask, texts: Sequence[str]) -> None:
        folder, asked = self.saved, task.questions[:RELOAD_SAMPLE]
        self.facts.adapter_bytes = checkpoint.save(model, folder)
        self.facts.weights_hash = checkpoint.digest(folder)
        family, evaluation = method.setting.family, self.spec.evaluation
        fresh = partial(base_model.load_model, self.order.model, self.device, family, evaluation)
        again = list(answers.given(method, checkpoint.reload(model, folder, fresh), task, asked))
        # In a smaller batch, rounding may change an answer that was nearly another one, in both models alike.
        same = again == list(texts[:RELOAD_SAMPLE]) or again == list(answers.given(method, model, task, asked))
        self.facts.reload_equal = same
        if not self.facts.reload_equal:
            raise ContractError(
                "the model generates different texts after save_pretrained() and loading; everything that generate() "
                "uses must be in the model that build() returned"
            )

    def _keep(self, place: Path, method: Method, task: PreparedTask, texts: Sequence[str]) -> None:
        metric, scores = task.metrics[0], self.facts.scores or {}
        score = f"{metric.title} {metric.shown(scores[metric.id])}"
        prompts = [question.prompt for question in task.questions[:RELOAD_SAMPLE]]
        found = dict(zip(prompts, map(task.reading.ended, texts), strict=False))
        labels = task.labels if answers.chosen(method, task) else ()
        trained = Trained(self.saved, method.setting, self.device, found, score, labels)
        self.facts.checkpoint = kept.keep(trained, self.order, place)
