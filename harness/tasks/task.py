"""A task: prompts, references, tokens and batches made from rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import torch

from ..models.batching import by_length, of_size
from ..models.family import Batch, Encoded, Family, Lengths
from ..spec.errors import DataError, SuiteError, unknown
from ..spec.hashing import digest_of
from ..spec.metric import Metric
from ..spec.suite import TaskTable
from . import data, scored_by
from .data import Example
from .matching import label_of
from .source_limit import Fitted, fit

POOL_BATCHES = 64  # drawn at once and sorted by length, so that batches have little padding
PAIR_BATCHES = 2  # neighbours among them, with rows sorted by target length if that leaves less padding

Texts = Callable[[int], tuple[str, str]]
Groups = dict[tuple[int, ...], list[Example]]  # the rows of each distinct dialogue, by their numbers


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
class Question:
    """One test dialogue: its prompt, every human summary of it, and whether the prompt was cut.

    ``rows`` are its numbers in the test split. A question that is not ``scored`` is only shown.
    """

    id: str
    dialogue: str
    prompt: str
    references: tuple[str, ...]
    rows: tuple[int, ...]
    truncated: bool = False
    scored: bool = True


@dataclass(frozen=True)
class Task:
    """Rows of one data set as a tokenizer sees them, cut to the suite's limits."""

    prompt: Prompt
    training: Sequence[Encoded]
    questions: Sequence[Question]  # one for each distinct test dialogue, in the order of the rows
    hash: str  # twelve hex digits of all training and test rows
    targets_truncated: float  # the share of training summaries that are longer than the suite's limit
    family: Family  # with the tokenizer that the rows were read with
    metrics: tuple[Metric, ...]  # with the options for these data; the first one determines the ranking
    texts: Texts = field(compare=False)  # the prompts and targets of the training rows, by their numbers
    labels: tuple[str, ...] = ()  # the valid answers; if there are none, any text is one
    chooses: bool = False  # whether answers are chosen among the labels, by likelihood

    def batches(self, batch_size: int, seed: int) -> Iterator[Batch]:
        """Endless shuffled batches, padded to their longest row; the order depends on the seed alone."""
        for group in self._groups(batch_size, seed):
            yield self.family.batch([self.training[row] for row in group])

    def examples(self, batch_size: int, seed: int) -> list[tuple[str, str]]:
        """The prompts and targets of the first of these batches, as texts that can be put into another prompt."""
        return [self.family.shown(self.training[row], *self.texts(row)) for row in next(self._groups(batch_size, seed))]

    def read(self, text: str) -> str | None:
        """What counts of an answer: the label that it is, if the task has labels; ``None`` if the answer is invalid."""
        return label_of(text, self.labels) if self.labels else text

    def _groups(self, batch_size: int, seed: int) -> Iterator[list[int]]:
        """The numbers of the rows in each batch."""
        count, rng, pool = len(self.training), Random(f"{seed} batches"), POOL_BATCHES * batch_size
        while True:
            order = rng.sample(range(count), count)
            for start in range(0, len(order), pool):
                first = self._by(self.family.orders()[0])
                pairs = by_length(order[start : start + pool], first, of_size(PAIR_BATCHES * batch_size))
                groups = [group for pair in pairs for group in self._alike(pair, batch_size)]
                yield from rng.sample(groups, len(groups))

    def _alike(self, pair: Sequence[int], batch_size: int) -> list[list[int]]:
        """Rows in batches, sorted by whichever of the family's orders takes fewer tokens."""
        choices = [by_length(pair, self._by(order), of_size(batch_size)) for order in self.family.orders()]
        return min(choices, key=lambda batches: sum(self.family.padded(self._lengths(batch)) for batch in batches))

    def _by(self, order: Callable[[Lengths], int]) -> Callable[[int], int]:
        return lambda row: order(self.training[row].lengths)

    def _lengths(self, rows: Sequence[int]) -> list[Lengths]:
        return [self.training[row].lengths for row in rows]


def prepare(
    table: TaskTable,
    splits: Mapping[str, Sequence[Example]],
    family: Family,
    samples: Iterable[int] = (),
    metrics: tuple[Metric, ...] | None = None,
) -> Task:
    """The task of a suite on a data set's splits; ``samples`` are test rows to answer in any case.

    ``metrics`` are the task's, with the options for these data; by default built-in ones with their usual options.
    Raises ``DataError`` for a sample that is not in the test split, and ``SuiteError`` for a limit that leaves no room
    for a dialogue or a summary.
    """
    prompt, chosen = prompt_of(table), data.cut(table, splits)
    learned = fit([row.dialogue for row in chosen["train"]], prompt.fill, family, table.max_source_tokens)
    texts = [(one.prompt, row.summary) for one, row in zip(learned, chosen["train"], strict=True)]
    written = [family.trailing_space(prompt) + summary for prompt, summary in texts]
    targets, truncated = family.target_ids(written, table.max_target_tokens)
    groups = _dialogues(splits["test"], len(chosen["test"]), samples)
    asked = fit([rows[0].dialogue for rows in groups.values()], prompt.fill, family, table.max_source_tokens)
    return Task(
        prompt=prompt,
        training=[Encoded(_vector(one.tokens), _vector(target)) for one, target in zip(learned, targets, strict=True)],
        questions=_questions(groups, asked, len(chosen["test"])),
        hash=hash_of(chosen),
        targets_truncated=truncated,
        family=family,
        metrics=scored_by.scoring_of(table).metrics if metrics is None else metrics,
        texts=texts.__getitem__,
    )


def _dialogues(test: Sequence[Example], scored: int, samples: Iterable[int]) -> Groups:
    """The rows of each distinct dialogue, by their numbers: the first ``scored`` rows, and all of the samples' rows."""
    numbers: dict[str, list[int]] = {}
    for number, row in enumerate(test[:scored]):
        numbers.setdefault(row.dialogue, []).append(number)
    for sample in samples:
        if sample >= len(test):
            raise DataError(
                f"evaluation.sample_rows: there is no test row {sample}; the split has {len(test)} rows, from 0"
            )
        dialogue = test[sample].dialogue
        if dialogue not in numbers:
            numbers[dialogue] = [number for number, row in enumerate(test) if row.dialogue == dialogue]
    return {tuple(group): [test[number] for number in group] for group in numbers.values()}


def _questions(groups: Groups, asked: Sequence[Fitted], scored: int) -> list[Question]:
    """A question for each group of rows, with its prompt; scored if its first row is among the first ``scored``."""
    return [
        Question(
            id=rows[0].id,
            dialogue=rows[0].dialogue,
            prompt=fitted.prompt,
            references=tuple(row.summary for row in rows),
            rows=numbers,
            truncated=fitted.cut,
            scored=numbers[0] < scored,
        )
        for (numbers, rows), fitted in zip(groups.items(), asked, strict=True)
    ]


def _vector(ids: Sequence[int]) -> torch.Tensor:
    return torch.tensor(ids, dtype=torch.int32)


def hash_of(splits: Mapping[str, Sequence[Example]]) -> str:
    """Twelve hex digits of all training and test rows."""
    return digest_of(part.encode() for split in ("train", "test") for part in _hashed(split, splits[split]))


def _hashed(split: str, rows: Iterable[Example]) -> Iterator[str]:
    yield f"\0{split}\0"
    for row in rows:
        yield f"{row.id}\0{row.dialogue}\0{row.summary}\0"


def prompt_of(table: TaskTable) -> Prompt:
    """The prompt of the task of that name."""
    if table.name not in PROMPTS:
        raise SuiteError(f"task.name: {unknown('task', table.name, PROMPTS)}")
    return PROMPTS[table.name]
