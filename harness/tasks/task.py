"""A task whose rows are prepared: prompts, references, tokens and batches made from them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import torch

from ..models.batching import by_length, of_size
from ..models.family import Batch, Encoded, Family, Lengths
from ..spec.errors import DataError
from ..spec.hashing import digest_of
from ..spec.metric import Metric
from ..spec.suite import TaskTable
from ..spec.task_table import CHOOSE
from . import data, definition, labels, prompt, scored_by
from .data import Example
from .definition import Definition
from .prompt import Prompt, Slot
from .reading import Reading
from .source_limit import Fitted, fit

POOL_BATCHES = 64  # drawn at once and sorted by length, so that batches have little padding
PAIR_BATCHES = 2  # neighbours among them, with rows sorted by target length if that leaves less padding

Texts = Callable[[int], tuple[str, str]]
Groups = dict[tuple[int, ...], list[Example]]  # the rows of each distinct source, by their numbers


@dataclass(frozen=True)
class Question:
    """One test source: its prompt, every reference of it, and whether the prompt was cut.

    ``targets`` has, for each reference, the whole text that a model would learn to write, of which the reference is
    what counts. ``rows`` are its numbers in the test split. A question that is not ``scored`` is only shown.
    """

    id: str
    source: str
    prompt: str
    references: tuple[str, ...]
    targets: tuple[str, ...]
    rows: tuple[int, ...]
    truncated: bool = False
    scored: bool = True

    @property
    def dialogue(self) -> str:
        """The source, under its name in method files that were written before there were other tasks."""
        return self.source


@dataclass(frozen=True)
class PreparedTask:
    """Rows of one data set as a tokenizer sees them, cut to the suite's limits."""

    prompt: Prompt
    training: Sequence[Encoded]
    questions: Sequence[Question]  # one for each distinct test source, in the order of the rows
    hash: str  # twelve hex digits of all training and test rows
    targets_truncated: float  # the share of training targets that are longer than the suite's limit
    family: Family  # with the tokenizer that the rows were read with
    metrics: tuple[Metric, ...]  # with the options for these data; the first one determines the ranking
    texts: Texts = field(compare=False)  # the prompts and targets of the training rows, by their numbers
    labels: tuple[str, ...] = ()  # the valid answers; if there are none, any text is one
    chooses: bool = False  # whether answers are chosen among the labels, by likelihood
    reading: Reading = field(default_factory=Reading)  # what of an answer counts

    def batches(self, batch_size: int, seed: int) -> Iterator[Batch]:
        """Endless shuffled batches, padded to their longest row; the order depends on the seed alone."""
        for group in self._groups(batch_size, seed):
            yield self.family.batch([self.training[row] for row in group])

    def examples(self, batch_size: int, seed: int) -> list[tuple[str, str]]:
        """The prompts and targets of the first of these batches, as texts that can be put into another prompt."""
        return [self.family.shown(self.training[row], *self.texts(row)) for row in next(self._groups(batch_size, seed))]

    def read(self, text: str) -> str | None:
        """What counts of an answer, and the label that this is if the task has labels; ``None`` if it is invalid."""
        return self.reading.read(text, self.labels)

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
) -> PreparedTask:
    """The task of a suite on a data set's splits; ``samples`` are test rows to answer in any case.

    ``metrics`` are the task's, with the options for these data; by default built-in ones with their usual options.
    Raises ``DataError`` for a sample that is not in the test split, and ``SuiteError`` for a limit that leaves no room
    for a source or a target.
    """
    task, chosen = definition.of(table), data.cut(table, splits)
    known = labels.of(task, splits["train"])
    learned = fit(_slots(chosen["train"], task, family), family, table.max_source_tokens)
    texts = [(one.prompt, _learned(row, task, known)) for one, row in zip(learned, chosen["train"], strict=True)]
    written = [family.trailing_space(asking) + target for asking, target in texts]
    targets, truncated = family.target_ids(written, table.max_target_tokens)
    groups = _sources(splits["test"], len(chosen["test"]), samples)
    asked = fit(_slots([rows[0] for rows in groups.values()], task, family), family, table.max_source_tokens)
    return PreparedTask(
        prompt=prompt.around(task.templates),
        training=[Encoded(_vector(one.tokens), _vector(target)) for one, target in zip(learned, targets, strict=True)],
        questions=_questions(groups, asked, len(chosen["test"]), task, known),
        hash=hash_of(chosen),
        targets_truncated=truncated,
        family=family,
        metrics=scored_by.scoring_of(table).metrics if metrics is None else metrics,
        texts=texts.__getitem__,
        labels=known,
        chooses=task.table.answer == CHOOSE,
        reading=task.reading,
    )


def _learned(row: Example, task: Definition, labels: Sequence[str]) -> str:
    """What a model learns to write for a row: its target or, if all of that is a label, the label as it is chosen."""
    return (task.reading.read(row.target, labels) or row.target) if task.reading.whole else row.target


def _slots(rows: Iterable[Example], task: Definition, family: Family) -> list[Slot]:
    return [prompt.of_turns(row.turns, family.conversation) if row.turns else _slot(row, task) for row in rows]


def _slot(row: Example, task: Definition) -> Slot:
    template = prompt.usable(task.templates, row.texts)
    if template is None:
        raise DataError(f"row with id {row.id}: it lacks a text of every prompt of the task")
    return prompt.of_texts(template, row.texts)


def _sources(test: Sequence[Example], scored: int, samples: Iterable[int]) -> Groups:
    """The rows of each distinct source, by their numbers: the first ``scored`` rows, and all of the samples' rows."""
    numbers: dict[str, list[int]] = {}
    for number, row in enumerate(test[:scored]):
        numbers.setdefault(row.asked, []).append(number)
    for sample in samples:
        if sample >= len(test):
            raise DataError(
                f"evaluation.sample_rows: there is no test row {sample}; the split has {len(test)} rows, from 0"
            )
        asked = test[sample].asked
        if asked not in numbers:
            numbers[asked] = [number for number, row in enumerate(test) if row.asked == asked]
    return {tuple(group): [test[number] for number in group] for group in numbers.values()}


def _questions(
    groups: Groups, asked: Sequence[Fitted], scored: int, task: Definition, labels: Sequence[str]
) -> list[Question]:
    """A question for each group of rows, with its prompt; scored if its first row is among the first ``scored``."""
    return [
        Question(
            id=rows[0].id,
            source=rows[0].asked,
            prompt=fitted.prompt,
            references=tuple(task.reading.read(row.target, labels) or "" for row in rows),
            targets=tuple(_learned(row, task, labels) for row in rows),
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
        yield f"{row.id}\0{row.source}\0{row.target}\0"
        yield from (f"{column}\0{text}\0" for column, text in row.others.items())


def prompt_of(table: TaskTable) -> Prompt:
    """What the prompts of a task have around their sources. Raises ``SuiteError`` if there is no such task."""
    return prompt.around(definition.of(table).templates)
