"""A task: prompts, references, tokens and batches made from rows."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from statistics import fmean

import torch
from transformers import PreTrainedTokenizerBase

from harness import data
from harness.data import Row
from harness.errors import SuiteError, unknown
from harness.suite import TaskTable

IGNORED = -100  # labels that the loss skips
POOL = 16  # batches drawn at once and sorted by length, so that little of a batch is padding

Batch = dict[str, torch.Tensor]  # input_ids, attention_mask, labels: (rows, longest row), int64


@dataclass(frozen=True)
class Prompt:
    """The instruction around a dialogue, the same in training and in generation."""

    before: str
    after: str

    def fill(self, dialogue: str) -> str:
        """The prompt for a dialogue."""
        return f"{self.before}{dialogue}{self.after}"

    def dialogue(self, prompt: str) -> str:
        """The dialogue in a prompt."""
        return prompt.removeprefix(self.before).removesuffix(self.after)


PROMPTS = {"dialogsum": Prompt("Summarize the following conversation.\n\n", "\n\nSummary: ")}


@dataclass(frozen=True)
class Encoded:
    """One training row in tokens."""

    source: list[int]
    target: list[int]


@dataclass(frozen=True)
class Question:
    """One test dialogue: its prompt, every human summary of it, and whether the prompt was cut."""

    id: str
    dialogue: str
    prompt: str
    references: tuple[str, ...]
    truncated: bool = False


class Task:
    """Rows of one data set as a tokenizer sees them."""

    def __init__(self, table: TaskTable, tokenizer: PreTrainedTokenizerBase):
        self.table = table
        self.tokenizer = tokenizer
        self.prompt = prompt_of(table)
        self.rows = data.load(table)

    @cached_property
    def training(self) -> list[Encoded]:
        """The training rows in tokens, cut to the suite's limits."""
        prompts = [self._fit(row.dialogue)[0] for row in self.rows["train"]]
        targets = [row.summary for row in self.rows["train"]]
        longest = self.table.max_target_tokens
        sources = self.tokenizer(prompts)["input_ids"]
        labels = self.tokenizer(text_target=targets, truncation=True, max_length=longest)["input_ids"]
        return [Encoded(source, target) for source, target in zip(sources, labels, strict=True)]

    @cached_property
    def targets_truncated(self) -> float:
        """The share of training summaries that are longer than the suite's limit."""
        lengths = [len(ids) for ids in self.tokenizer([row.summary for row in self.rows["train"]])["input_ids"]]
        return fmean(length > self.table.max_target_tokens for length in lengths)

    @cached_property
    def test(self) -> list[Question]:
        """One question for each different test dialogue, in the order of the rows."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows["test"]:
            groups.setdefault(row.dialogue, []).append(row)
        questions = []
        for dialogue, rows in groups.items():
            prompt, truncated = self._fit(dialogue)
            questions.append(Question(rows[0].id, dialogue, prompt, tuple(row.summary for row in rows), truncated))
        return questions

    @cached_property
    def hash(self) -> str:
        """Twelve hex digits of everything that is trained on and asked."""
        digest = hashlib.sha256()
        for split in ("train", "test"):
            digest.update(f"\0{split}\0".encode())
            for row in self.rows[split]:
                digest.update(f"{row.id}\0{row.dialogue}\0{row.summary}\0".encode())
        return digest.hexdigest()[:12]

    def batches(self, batch_size: int, seed: int) -> Iterator[Batch]:
        """Endless shuffled batches, padded to their longest row; the order depends on the seed alone.

        The rows are tokenised in this call, so that it is on no clock of training's.
        """
        return _shuffled(self.training, batch_size, Random(f"{seed} batches"), int(self.tokenizer.pad_token_id or 0))

    def _fit(self, dialogue: str) -> tuple[str, bool]:
        """The prompt, its dialogue cut at the end so that the prompt fits into the source limit."""
        prompt = self.prompt.fill(dialogue)
        excess = len(self.tokenizer(prompt)["input_ids"]) - self.table.max_source_tokens
        if excess <= 0:
            return prompt, False
        tokens = self.tokenizer(dialogue, add_special_tokens=False)["input_ids"]
        while excess > 0 and tokens:
            tokens = tokens[: max(0, len(tokens) - excess)]
            prompt = self.prompt.fill(_whole(self.tokenizer.decode(tokens, skip_special_tokens=True)))
            excess = len(self.tokenizer(prompt)["input_ids"]) - self.table.max_source_tokens
        return prompt, True


def _shuffled(rows: Sequence[Encoded], batch_size: int, rng: Random, pad: int) -> Iterator[Batch]:
    while True:
        order = rng.sample(range(len(rows)), len(rows))
        for start in range(0, len(order), POOL * batch_size):
            pool = sorted(order[start : start + POOL * batch_size], key=lambda i: len(rows[i].source))
            groups = [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
            for group in rng.sample(groups, len(groups)):
                yield collate([rows[i] for i in group], pad)


def _whole(text: str) -> str:
    """Text that was cut between tokens, without half a character or spaces at its end."""
    return text.rstrip("\N{REPLACEMENT CHARACTER}").rstrip()


def prompt_of(table: TaskTable) -> Prompt:
    """The prompt of the task of that name."""
    if table.name not in PROMPTS:
        raise SuiteError(f"task.name: {unknown('task', table.name, PROMPTS)}")
    return PROMPTS[table.name]


def collate(rows: Sequence[Encoded], pad: int) -> Batch:
    """One batch, padded to its longest row; padding is masked out of attention and loss."""
    source = max(len(row.source) for row in rows)
    target = max(len(row.target) for row in rows)
    return {
        "input_ids": torch.tensor([row.source + [pad] * (source - len(row.source)) for row in rows]),
        "attention_mask": torch.tensor([[1] * len(row.source) + [0] * (source - len(row.source)) for row in rows]),
        "labels": torch.tensor([row.target + [IGNORED] * (target - len(row.target)) for row in rows]),
    }
