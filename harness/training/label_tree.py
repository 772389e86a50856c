"""Labels as a tree of tokens: what the labels begin with in common is read once."""

from collections.abc import Sequence
from typing import NamedTuple

Tokens = tuple[int, ...]


class Predicted(NamedTuple):
    """A label's token, and the place that predicts it: row times the rows' length, plus the place in the row."""

    label: int
    place: int
    token: int


class Stage(NamedTuple):
    """Tokens to read in one pass, each row after a row of the stage before, and what is predicted after them.

    Rows are as long as the longest; the others repeat their last token, after which nothing is predicted.
    """

    parents: list[int]
    rows: list[list[int]]
    predicted: list[Predicted]


class Tree(NamedTuple):
    """What the prompt predicts, and the stages after it."""

    first: list[Predicted]
    stages: list[Stage]


def of(labels: Sequence[Sequence[int]]) -> Tree:
    """The tree of these labels."""
    return Tree(first(labels), stages(labels))


def first(labels: Sequence[Sequence[int]]) -> list[Predicted]:
    """The labels' first tokens, which the prompt predicts: it is the one row of the stage before all others."""
    return [Predicted(number, 0, label[0]) for number, label in enumerate(labels)]


def stages(labels: Sequence[Sequence[int]]) -> list[Stage]:
    """The stages in which each token of the tree is read once; nothing follows a label's last token, so it is not read.

    A stage reaches to the next place at which labels that were the same go on differently, so there are no more stages
    than the longest label has tokens to be read, and one if all labels begin differently.
    """
    read = [tuple(label[:-1]) for label in labels]
    found: list[Stage] = []
    above: dict[Tokens, int] = {(): 0}  # the rows of the stage before, by the tokens with which they begin
    told, start = 0, 0  # as many tokens tell these rows apart; as many have been read
    while longer := [number for number, ids in enumerate(read) if len(ids) > start]:
        stop = _next_fork(read, start)
        rows = _rows([read[number] for number in longer], start, stop)
        width = max(map(len, rows.values()))
        below = {beginning: row for row, beginning in enumerate(rows)}
        found.append(
            Stage(
                parents=[above[beginning[:told]] for beginning in rows],
                rows=[[*row, *row[-1:] * (width - len(row))] for row in rows.values()],
                predicted=[
                    Predicted(number, below[read[number][: start + 1]] * width + place, token)
                    for number in longer
                    for place, token in enumerate(labels[number][start + 1 : stop + 1])
                ],
            )
        )
        above, told, start = below, start + 1, stop
    return found


def _rows(read: Sequence[Tokens], start: int, stop: int) -> dict[Tokens, Tokens]:
    """The longest tokens from ``start`` to ``stop`` of labels that begin alike, by the tokens up to their first."""
    rows: dict[Tokens, Tokens] = {}
    for ids in read:
        rows[ids[: start + 1]] = max(rows.get(ids[: start + 1], ()), ids[start:stop], key=len)
    return rows


def _next_fork(read: Sequence[Tokens], start: int) -> int:
    """The first place after ``start`` at which labels that were the same go on differently, or the end."""
    end = max(map(len, read))
    return next((place for place in range(start + 1, end) if _forks(read, place)), end)


def _forks(read: Sequence[Tokens], place: int) -> bool:
    on = {ids[: place + 1] for ids in read if len(ids) > place}
    return len(on) > len({ids[:place] for ids in on})
