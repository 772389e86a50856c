"""One training example as it is trained: token by token, with what counts for the loss."""

from collections.abc import Iterator

from tabulate import tabulate

from ..models import base_model
from ..run import example
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
    found = example.shown(base.tokenizer, task.training[0])
    family, name = base.family.name, f"suite {suite.name}, model {suite.model.name}"
    yield f"{name} ({family}): {found.prompt} tokens of the prompt, {found.target} of the target"
    marks = [""] * found.prompt + ["yes"] * found.target
    rows = zip(range(len(found.ids)), found.ids, map(repr, found.tokens), marks, strict=True)
    yield tabulate(rows, TITLES, disable_numparse=True)
