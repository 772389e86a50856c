"""Whether rows can be used as a task says: labels that contradict each other, texts that a stop cuts, own systems."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from ..spec.conversation import SYSTEM
from ..spec.errors import DataError, brief
from ..spec.task_table import CHOOSE
from . import labels as labelling
from .data_rows import Example
from .definition import Definition
from .matching import plain

MAX_SHARE = 0.01  # of items that cannot be scored as the task says: data are never quite clean
SHOWN = 40  # characters of a label or an id
CONTRADICTORY = (
    "{:,} of {:,} {} items have rows with different labels{}, such as {} (id {}) and {} (id {}); does task.prompt "
    "leave out a column that tells them apart? If several labels are right, write them as a list in one row"
)
CUT = (
    "task.stop: {} is within what counts of {:,} of {:,} targets, as in {}: an answer that equals such a target is cut "
    "there, and cannot be right; choose another text, or leave out this key"
)

OWN_SYSTEM = "task.system is left out of {:,} of {:,} conversations, which begin with a text of the system of their own"

Read = Callable[[str], str | None]
Splits = Mapping[str, Sequence[Example]]


def check(task: Definition, labels: Sequence[str], splits: Splits) -> list[str]:
    """What the user should know about the rows that a suite trains on and scores (``test``).

    Raises ``DataError`` if more than a few of those to score cannot be scored as the task says.
    """

    def read(text: str) -> str | None:
        return task.reading.read(text, labels)

    if task.table.answer == CHOOSE:
        labelling.check(labels, splits["test"])
    contradictions = chain(_scored(splits["test"], read), _trained(splits["train"], read)) if labels else ()
    rows = [*splits["train"], *splits["test"]]
    cut = _cut(task, rows, read) if task.reading.stop else ()
    systems = _own_systems(rows) if task.table.system else ()
    return [*_alike(labels), *contradictions, *cut, *systems]


def _own_systems(rows: Sequence[Example]) -> Iterator[str]:
    """The conversations that the task's text of the system is not put before."""
    own = sum(bool(row.turns) and row.turns[0].role == SYSTEM for row in rows)
    if own:
        yield OWN_SYSTEM.format(own, len(rows))


def _alike(labels: Sequence[str]) -> Iterator[str]:
    """Labels that are so similar that they may be meant to be the same."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[plain(label)].append(repr(label[:SHOWN]))
    for group in groups.values():
        if len(group) > 1:
            yield f"the labels {' and '.join(group)} differ only in case or spaces; each is a class of its own"


def _scored(rows: Sequence[Example], read: Read) -> Iterator[str]:
    found, items = _contradictory(rows, read)
    if found:
        message = CONTRADICTORY.format(len(found), items, "test", ", of which any counts as right", *found[0])
        if len(found) > MAX_SHARE * items:
            raise DataError(message)
        yield message


def _trained(rows: Sequence[Example], read: Read) -> Iterator[str]:
    found, items = _contradictory(rows, read)
    if found:
        yield CONTRADICTORY.format(len(found), items, "training", "", *found[0])


def _contradictory(rows: Sequence[Example], read: Read) -> tuple[list[tuple[str, str, str, str]], int]:
    """Two labels, with their rows' ids, of each item whose rows do not have the same ones; and the number of items.

    The labels of a list in one row do not contradict each other.
    """
    items: dict[str, dict[int, tuple[set[str | None], str]]] = defaultdict(dict)
    for row in rows:
        items[row.asked].setdefault(row.number, (set(), row.id))[0].add(read(row.target))
    found = []
    for (first, its_id), *others in map(dict.values, items.values()):
        if other := next((each for each in others if each[0] != first), None):
            found.append((_shown(first), brief(its_id, SHOWN), _shown(other[0]), brief(other[1], SHOWN)))
    return found, len(items)


def _shown(labels: set[str | None]) -> str:
    return ", ".join(sorted(brief(repr(label), SHOWN) for label in labels))


def _cut(task: Definition, rows: Sequence[Example], read: Read) -> Iterator[str]:
    """The targets of which a stop leaves something else than what counts of them."""

    def counts(text: str) -> str:
        return (read(text) or "").strip()

    ended = ((row.target, task.reading.ended(row.target)) for row in rows)
    lost = [text for text, left in ended if left != text and counts(left) != counts(text)]
    if lost:
        stops = " or ".join(map(repr, task.reading.stop))
        message = CUT.format(stops, len(lost), len(rows), brief(repr(lost[0]), 2 * SHOWN))
        if len(lost) > MAX_SHARE * len(rows):
            raise DataError(message)
        yield message
