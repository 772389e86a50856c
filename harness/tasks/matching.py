"""Which label an answer is."""

from collections.abc import Mapping, Sequence, Set
from functools import lru_cache

MAX_REMEMBERED = 8  # sets of labels


def label_of(text: str, labels: Sequence[str]) -> str | None:
    """The label that a text equals but for case and spaces, or exactly if several do; ``None`` if it is no label."""
    exact, alike = _known(tuple(labels))
    return text if text in exact else alike.get(_plain(text))


@lru_cache(MAX_REMEMBERED)
def _known(labels: tuple[str, ...]) -> tuple[Set[str], Mapping[str, str]]:
    """The labels, and for each way to write one plainly the first label that is written so."""
    return frozenset(labels), {_plain(label): label for label in reversed(labels)}


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
