"""What all runs of a suite share, looked at once before the first of them: base model, data, environment."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from harness.metrics.rouge import words
from harness.models import base_model, generation
from harness.run import environment, soundness
from harness.spec.errors import DataError, brief
from harness.spec.plan import Order
from harness.spec.record import Preflight
from harness.spec.suite import AUTO, ROUGE_SCORE
from harness.tasks import data, leakage, prepared
from harness.tasks.data import Example
from harness.tasks.task import Task, prepare


def check(order: Order) -> str:
    """Raise the ``UsageError`` that every run of the suite would meet; else its ``Preflight`` as JSON.

    Leaves the prepared task, which the runs share, in ``order.task``.
    """
    torch.set_num_threads(order.threads)
    device = base_model.pick_device(order.device)
    evaluation = order.spec.evaluation
    base = base_model.load(order.model, device, evaluation)
    table = order.spec.task
    loaded = data.read(table)
    splits = loaded.splits
    reading, notices = _rouge_tokenizer(order, splits)
    task = prepare(table, splits, base.tokenizer, evaluation.sample_rows)
    _keep(task, reading, order.task)
    remarks = soundness.check(base, task, evaluation, order.model.name)
    settings = base_model.own_settings(order.model, evaluation)
    validation = _validation(order, splits, base.tokenizer, reading) if order.search.trials else None
    dialogues = {split: [row.dialogue for row in rows] for split, rows in data.cut(table, splits).items()}
    return Preflight(
        leakage=leakage.measure(dialogues["train"], dialogues["test"]),
        environment=environment.describe(device, base.model),
        data_hash=task.hash,
        data_revision=data.revision(table),
        model_revision=base_model.revision(order.model),
        generation=settings,
        validation_hash=validation and validation.hash,
        rouge_tokenizer=reading,
        rows_skipped=loaded.skipped,
        notices=(*loaded.notices, *notices, *filter(None, [generation.remark(settings), *remarks])),
    ).model_dump_json()


def _rouge_tokenizer(order: Order, splits: Mapping[str, Sequence[Example]]) -> tuple[str, list[str]]:
    """How ROUGE reads this data set, by all its summaries where the suite leaves it open; and what is to be told."""
    asked = order.spec.evaluation.rouge_tokenizer
    if asked != AUTO:
        return asked, []
    chosen = words.choose(row.summary for rows in splits.values() for row in rows)
    if chosen == ROUGE_SCORE:
        return chosen, []
    return chosen, [
        "ROUGE compares Unicode words, and characters of scripts without spaces, without a stemmer: rouge_score's own "
        f'tokenizer sees a-z and 0-9 only, and many summaries hold other letters (rouge_tokenizer = "{chosen}")'
    ]


def _keep(task: Task, reading: str, folder: Path) -> None:
    """Leave the task for the runs. Raises ``DataError`` for references that ROUGE could only call missed."""
    unread = [
        (f"row {row + 1} (id {brief(question.id, 20)}: {brief(reference, 20)})", reference)
        for question in task.questions
        for row, reference in zip(question.rows, question.references, strict=True)
        if question.scored and not words.reads(reading, reference)
    ]
    if unread:
        shown = ", ".join(name for name, _ in unread[:3])
        more = f" and {len(unread) - 3:,} more" if len(unread) > 3 else ""
        others = any(words.reads(words.WORDS, reference) for _, reference in unread)
        remedy = ', or set evaluation.rouge_tokenizer = "words"' if others else ""
        raise DataError(
            f"ROUGE ({reading}) cannot read {len(unread):,} of the summaries that answers are held against, so their "
            f"scores would say nothing: {shown}{more}; take these rows out{remedy}"
        )
    prepared.save(replace(task, rouge_tokenizer=reading), folder)


def _validation(
    order: Order, splits: Mapping[str, Sequence[Example]], tokenizer: PreTrainedTokenizerBase, reading: str
) -> Task:
    """The task of a search's trials, left in ``order.validation``: they never see a test row."""
    table = order.spec.task
    rows = data.validation(table, splits, order.search.rows)  # cut already
    whole = table.model_copy(update={"train_every": 1, "train_rows": None, "test_rows": None})
    task = prepare(whole, rows, tokenizer)
    _keep(task, reading, order.validation)
    return task
