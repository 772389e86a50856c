"""Checks once, before the first run, what all runs of a suite share: base model, data, environment."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from ..metrics.scoring import Scorer
from ..models import base_model, generation, label_tokens
from ..models.family import Family
from ..spec.errors import DataError, brief
from ..spec.metric import Metric, options_of
from ..spec.plan import Order
from ..spec.record import Preflight
from ..tasks import data, leakage, prepared, scored_by
from ..tasks.data import Example
from ..tasks.task import Task, prepare
from . import environment, soundness


def check(order: Order) -> Preflight:
    """What holds for all runs of the suite; raises a ``UsageError`` that every one of them would raise.

    Saves the prepared task, which the runs share, in ``order.task``.
    """
    torch.set_num_threads(order.threads)
    device = base_model.pick_device(order.device)
    evaluation = order.spec.evaluation
    table = order.spec.task
    base = base_model.load(order.model, device, evaluation, table)
    loaded = data.read(table)
    splits = loaded.splits
    scorer = scored_by.scorer_of(table)
    settled = scorer.settled(evaluation.metric_options, (row.summary for rows in splits.values() for row in rows))
    task = prepare(table, splits, base.family, evaluation.sample_rows, settled.metrics)
    if task.labels:
        prompts = (question.prompt for question in task.questions)
        label_tokens.check(task.labels, base.family, prompts, table.max_target_tokens)
    _keep(task, scorer, order.task)
    remarks = soundness.check(base, task, evaluation, order.model.name)
    settings = base_model.own_settings(order.model, evaluation)
    validation = _validation(order, splits, base.family, scorer, settled.metrics) if order.search.trials else None
    dialogues = {split: [row.dialogue for row in rows] for split, rows in data.cut(table, splits).items()}
    return Preflight(
        leakage=leakage.measure(dialogues["train"], dialogues["test"]),
        environment=environment.describe(device, base.model, settled.metrics),
        data_hash=task.hash,
        data_revision=data.revision(table),
        model_revision=base_model.revision(order.model),
        generation=settings,
        prompt_format=base.family.prompt_format,
        validation_hash=validation and validation.hash,
        metrics=settled.metrics,
        unusual=settled.unusual,
        rows_skipped=loaded.skipped,
        notices=(*loaded.notices, *settled.notices, *filter(None, [generation.remark(settings), *remarks])),
    )


def _keep(task: Task, scorer: Scorer, folder: Path) -> None:
    """Save the task for the runs. Raises ``DataError`` for references that the metrics cannot read."""
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
            f"{scorer.title} ({', '.join(options.values())}) cannot read {len(unread):,} of the summaries that answers "
            f"are compared with, so their scores would be meaningless: {shown}{more}; remove these rows{remedy}"
        )
    prepared.save(task, folder)


def _validation(
    order: Order,
    splits: Mapping[str, Sequence[Example]],
    family: Family,
    scorer: Scorer,
    metrics: tuple[Metric, ...],
) -> Task:
    """The task of a search's trials, saved in ``order.validation``; trials never see a test row."""
    table = order.spec.task
    rows = data.validation(table, splits, order.search.rows)  # already cut
    whole = table.model_copy(update={"train_every": 1, "train_rows": None, "test_rows": None})
    task = prepare(whole, rows, family, metrics=metrics)
    _keep(task, scorer, order.validation)
    return task
