"""Checks once, before the first run, what all runs of a suite share: base model, data, metrics, environment."""

import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import torch

from ..metrics.scoring import Scorer
from ..metrics.several import Scoring, title_of
from ..models import base_model, generation, label_tokens
from ..models.base_model import Base
from ..spec import failure
from ..spec.errors import DataError, ModelError, SuiteError, brief
from ..spec.metric import options_of
from ..spec.plan import Order
from ..spec.preflight import Preflight
from ..spec.record import Environment
from ..spec.suite import ModelTable, TaskTable
from ..tasks import consistency, data, definition, first_rows, labels, leakage, prepared, scored_by
from ..tasks.data import Example
from ..tasks.task import PreparedTask, prepare
from ..training import autocast
from . import environment, example, footprint, scorers, soundness

Splits = Mapping[str, Sequence[Example]]


def check(order: Order) -> Preflight:
    """What holds for all runs of the suite; raises a ``UsageError`` that every one of them would raise.

    Saves the prepared task, which the runs share, in ``order.task``.
    """
    torch.set_num_threads(order.threads)
    device = _device(order)
    evaluation, table = order.spec.evaluation, order.spec.task
    scoring = scorers.scoring_of(order)
    scored_by.check_options(scoring, evaluation.metric_options)
    loaded = data.read(table)
    splits = loaded.splits
    known = labels.of(definition.of(table), splits["train"])
    scored_by.check_labels(scoring, known)
    cautions = consistency.check(definition.of(table), known, data.cut(table, splits))
    base = _base(order, device)
    settled = scoring.settled(evaluation.metric_options, _references(table, splits))
    task = prepare(table, splits, base.family, evaluation.sample_rows, settled.metrics)
    if task.labels:
        prompts = (question.prompt for question in task.questions)
        label_tokens.check(task.labels, base.family, prompts, table.max_target_tokens)
    scorers.tried(scoring, task)
    _keep(task, scoring, order.task)
    written = _targets_in_tokens(task) if scoring.needs_likelihoods else []
    remarks = soundness.check(base, task, evaluation, order.model.name, written)
    tried = order.search.rows if order.search.trials else None
    settings = base_model.own_settings(order.model, evaluation, base.family.first)
    validation = _validation(order, splits, task, scoring) if order.search.trials else None
    asked = {split: [row.asked for row in rows] for split, rows in data.cut(table, splits).items()}
    described = environment.describe(device, base.model, settled.metrics, order.spec.precision)
    shown = example.shown(base.tokenizer, task.training[0]) if task.training else None
    untried = footprint.untried(base, order)
    return Preflight(
        leakage=leakage.measure(asked["train"], asked["test"]),
        environment=described,
        gpus=environment.gpus(device, order.device),
        run_bytes=untried.needed(),
        room_bytes=untried.room,
        data_hash=task.hash,
        data_revision=data.revision(table),
        model_revision=base_model.revision(order.model),
        generation=settings,
        prompt_format=base.family.prompt_format,
        validation_hash=validation and validation.hash,
        metrics=settled.metrics,
        unusual=settled.unusual,
        rows_skipped=loaded.skipped,
        example=shown,
        notices=(
            *loaded.notices,
            *first_rows.notices(table, splits, tried),
            *cautions,
            *settled.notices,
            *filter(None, [generation.remark(settings), *remarks]),
        ),
    )


def fetch(order: Order) -> ModelTable:
    """The base model, whose files are on this machine afterwards; raises ``ModelError`` if they cannot be had."""
    base_model.fetch(order.model)
    return order.model


def survey(order: Order) -> Environment:
    """The environment of runs on this machine, found without the model; the attention is unknown.

    Raises ``ModelError`` if the machine does not have the order's device, and ``SuiteError`` if that device does not
    compute in the suite's precision.
    """
    torch.set_num_threads(order.threads)
    metrics = scorers.scoring_of(order).metrics
    return environment.describe(_device(order), None, metrics, order.spec.precision)


def _device(order: Order) -> torch.device:
    """The device of the runs; raises a ``UsageError`` if it is not here, or cannot train in the suite's precision."""
    device = base_model.pick_device(order.device)
    if reason := autocast.refusal(order.spec.precision, device):
        raise SuiteError(reason)
    return device


def _base(order: Order, device: torch.device) -> Base:
    """The base model on its device; raises ``ModelError`` if there is too little memory for it."""
    try:
        return base_model.load(order.model, device, order.spec.evaluation, order.spec.task)
    except Exception as error:
        if not failure.out_of_memory(error):
            raise
        raise ModelError(
            f"model {order.model.name!r} does not fit into the memory of this device; take a smaller one, "
            'or set dtype = "bfloat16" or quantization under [model]'
        ) from error


def _references(table: TaskTable, splits: Splits) -> list[str]:
    """What counts of all targets."""
    read = definition.of(table).read
    return [read(row.target) or "" for row in chain.from_iterable(splits.values())]


def _targets_in_tokens(task: PreparedTask) -> list[list[int]]:
    """The tokens of the test rows' targets, which a model must be able to write if a metric needs likelihoods."""
    pairs = [(question.prompt, text) for question in task.questions for text in question.targets]
    found, _ = task.family.target_ids(
        [task.family.trailing_space(prompt) + text for prompt, text in pairs], sys.maxsize
    )
    return found


def _keep(task: PreparedTask, scoring: Scoring, folder: Path) -> None:
    """Save the task for the runs. Raises ``DataError`` for references that a metric cannot read."""
    for scorer in scoring.scorers:
        _check_reading(task, scorer)
    prepared.save(task, folder)


def _check_reading(task: PreparedTask, scorer: Scorer) -> None:
    options = options_of(task.metrics)
    unread = [
        (f"row {row + 1} (id {brief(question.id, 20)}: {brief(reference, 20)})", reference)
        for question in task.questions
        for row, reference in zip(question.rows, question.references, strict=True)
        if question.scored and not scorer.reads(reference, options)
    ]
    if unread:
        shown = ", ".join(name for name, _ in unread[:3])
        more = f" and {len(unread) - 3:,} more" if len(unread) > 3 else ""
        remedy = scorer.remedy([reference for _, reference in unread], options)
        raise DataError(
            f"{title_of(scorer)}{_way(scorer, options)} cannot read {len(unread):,} of the references that "
            f"answers are compared with, so their scores would be meaningless: {shown}{more}; remove these rows{remedy}"
        )


def _way(scorer: Scorer, options: Mapping[str, str]) -> str:
    """How a metric reads texts, if a suite can say so."""
    ways = [options[name] for name in scorer.options]
    return f" ({', '.join(ways)})" if ways else ""


def _validation(order: Order, splits: Splits, suite: PreparedTask, scoring: Scoring) -> PreparedTask:
    """The task of a search's trials, saved in ``order.validation``; trials never see a test row."""
    table = order.spec.task
    rows = data.validation(table, splits, order.search.rows)  # already cut
    uncut = {"train_every": 1, "train_rows": None, "test_rows": None}
    whole = table.model_copy(update={**uncut, "labels": suite.labels or None})
    consistency.check(definition.of(whole), suite.labels, rows)
    task = prepare(whole, rows, suite.family, metrics=suite.metrics)
    _keep(task, scoring, order.validation)
    return task
