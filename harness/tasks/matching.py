"""Which label an answer is."""

from collections.abc import Mapping, Sequence, Set
from functools import lru_cache

MAX_REMEMBERED = 8  # sets of labels


def label_of(text: str, labels: Sequence[str]) -> str | None:
    """The label that a text equals but for case and spaces; ``None`` if it is no label.

    If several do, it is the one that it equals but for the spaces around it, or else the first.
    """
    exact, alike = _known(tuple(labels))
    bare = text.strip()
    return bare if bare in exact else alike.get(plain(text))


@lru_cache(MAX_REMEMBERED)
def _known(labels: tuple[str, ...]) -> tuple[Set[str], Mapping[str, str]]:
    """The labels, and for each way to write one plainly the first label that is written so."""
    return frozenset(labels), {plain(label): label for label in reversed(labels)}


def plain(text: str) -> str:
    """A text without what tells no labels apart: case, and how white space is written."""
    return " ".join(text.split()).casefold()
