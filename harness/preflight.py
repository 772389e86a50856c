"""What all runs of a suite share, looked at once before the first of them: base model, data, environment."""

from collections.abc import Mapping, Sequence

import torch
from transformers import PreTrainedTokenizerBase

from harness import base_model, data, environment, leakage, prepared
from harness.data import Row
from harness.plan import Order
from harness.record import Preflight
from harness.task import Task, prepare


def check(order: Order) -> str:
    """Raise the ``UsageError`` that every run of the suite would meet; else its ``Preflight`` as JSON.

    Leaves the prepared task, which the runs share, in ``order.task``.
    """
    torch.set_num_threads(order.threads)
    device = base_model.pick_device(order.device)
    base = base_model.load(order.model, device)
    table = order.spec.task
    splits = data.load(table)
    task = prepare(table, splits, base.tokenizer, order.spec.evaluation.sample_rows)
    prepared.save(task, order.task)
    validation = _validation(order, splits, base.tokenizer) if order.search.trials else None
    dialogues = {split: [row.dialogue for row in rows] for split, rows in data.cut(table, splits).items()}
    return Preflight(
        leakage=leakage.measure(dialogues["train"], dialogues["test"]),
        environment=environment.describe(device, base.model),
        data_hash=task.hash,
        data_revision=data.revision(table),
        model_revision=base_model.revision(order.model),
        validation_hash=validation and validation.hash,
    ).model_dump_json()


def _validation(order: Order, splits: Mapping[str, Sequence[Row]], tokenizer: PreTrainedTokenizerBase) -> Task:
    """The task of a search's trials, left in ``order.validation``: they never see a test row."""
    table = order.spec.task
    rows = data.validation(table, splits, order.search.rows)  # cut already
    whole = table.model_copy(update={"train_every": 1, "train_rows": None, "test_rows": None})
    task = prepare(whole, rows, tokenizer)
    prepared.save(task, order.validation)
    return task
