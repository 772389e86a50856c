"""A tiny model and a few rows to try methods on: random weights, as a run loads them, and real prompts."""

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoTokenizer

from harness.catalogue import shapes
from harness.models import base_model
from harness.models.base_model import EMBEDDED, Model
from harness.models.family import Batch, Encoded
from harness.models.seq2seq import collate
from harness.spec.suite import ModelTable, TaskTable
from harness.tasks.task import prompt_of

SHAPE = {"vocab_size": 3072, "d_model": 64, "d_kv": 8, "d_ff": 48, "num_heads": 4, "num_layers": 2}
PROMPT = prompt_of(TaskTable(name="dialogsum"))
CPU = torch.device("cpu")
ROWS = tuple(
    (
        "\n".join(f"#Person{1 + turn % 2}#: I want {thing} {turn} times." for turn in range(turns)),
        f"They want {thing} and {thing} again.",
    )
    for thing, turns in (
        ("a red bicycle", 4),
        ("bread", 3),
        ("two tickets to Leeds", 5),
        ("the blue jacket", 4),
        ("keys", 2),
        ("a haircut and a table for four", 6),
        ("an English dictionary", 3),
        ("three green apples", 4),
    )
)


@cache
def _folder() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shapes.t5(**SHAPE, dropout_rate=0).save_pretrained(folder.name)
    tokenizer().save_pretrained(folder.name)
    return folder


def checkpoint() -> Path:
    """The folder of a T5 of random weights, two layers each, without dropout; it stays until the process ends."""
    return Path(_folder().name)


@cache
def base() -> Model:
    """The model in the checkpoint, as a run loads it; to be copied, never changed."""
    return base_model.load(ModelTable(name=str(checkpoint())), CPU).model.eval()


def copy_of_base() -> Model:
    """The base, to be changed."""
    return copy.deepcopy(base())


@cache
def tokenizer() -> Any:
    """The embedded model's tokenizer."""
    return AutoTokenizer.from_pretrained(str(EMBEDDED))


@cache
def batches() -> list[Batch]:
    """Two batches of four rows, padded."""
    rows = [Encoded(_tokens(PROMPT.fill(dialogue)), _tokens(summary)) for dialogue, summary in ROWS]
    return [collate(rows[:4], pad=0), collate(rows[4:], pad=0)]


def _tokens(text: str) -> torch.Tensor:
    return torch.tensor(tokenizer()(text)["input_ids"])


def endless() -> Iterator[Batch]:
    """The batches, over and over."""
    while True:
        yield from batches()


def prompts() -> list[str]:
    """The rows as they are asked."""
    return [PROMPT.fill(dialogue) for dialogue, _ in ROWS]


def examples() -> list[tuple[str, str]]:
    """The rows of the first batch as texts: prompts and targets."""
    return [(PROMPT.fill(dialogue), summary) for dialogue, summary in ROWS[:4]]


def inner_letter(text: str) -> str:
    """A letter or digit of ASCII in the text, as far from its beginning as possible but not in its last tokens."""
    return next(each for each in reversed(text[: 1 + 2 * len(text) // 3]) if each.isascii() and each.isalnum())
