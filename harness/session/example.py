"""One training example as it is trained: token by token, with what counts for the loss."""

from collections.abc import Iterator

from tabulate import tabulate

from ..models import base_model
from ..spec.suite import Suite
from ..tasks import data
from ..tasks.task import prepare

TITLES = ("position", "id", "token", "in the loss")


def lines(suite: Suite, device: str | None) -> Iterator[str]:
    """The first training example of a suite, as lines to print.

    Raises the ``UsageError`` that a run of the suite would raise for its model or its data.
    """
    base = base_model.load(suite.model, base_model.pick_device(device), suite.evaluation, suite.task)
    splits = data.load(suite.task)
    task = prepare(suite.task, {**splits, "test": splits["test"][:1]}, base.family, metrics=())
    row = task.training[0]
    learned = [False] * len(row.source) + [True] * len(row.target)
    ids = [*row.source.tolist(), *row.target.tolist()]
    family, name = base.family.name, f"suite {suite.name}, model {suite.model.name}"
    yield f"{name} ({family}): {len(row.source)} tokens of the prompt, {len(row.target)} of the target"
    pieces = (repr(base.tokenizer.decode([each])) for each in ids)
    marks = ("yes" if each else "" for each in learned)
    yield tabulate(zip(range(len(ids)), ids, pieces, marks, strict=True), TITLES, disable_numparse=True)
