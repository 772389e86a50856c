"""What the columns of a data set look like: whether they are texts, how long, and how many different ones."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from . import turns
from .data_files import BadRow

NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
CODE = re.compile(r"[!-~]*")  # without a space, in ASCII: an address, a date, a file's name
MOST = 0.95  # of the values: what so many are, a column is
BYTES_A_TOKEN = 3  # of UTF-8: few enough for English, and one character of a script such as Chinese
NAMES_OF_IDS = {"id", "ids", "uid", "guid", "idx", "index", "fname", "split", "unnamed: 0", ""}
END_OF_IDS = re.compile(r".*([_ -](id|idx|uid|guid|index)|[a-z](ID|Id))")  # such as review_id, pairID


@dataclass(frozen=True)
class Look:
    """A column; ``texts`` are its values that are texts, numbers or truth values, or the texts in its values.

    Of conversations, they are all that is said. ``unread`` is the type of values that no table can say how to read.
    """

    name: str
    rows: int  # that have a value
    texts: Sequence[str]
    talks: bool  # whether the values are conversations
    unread: str = ""
    lists: bool = False  # whether the values are lists, which only a target may be

    @property
    def key(self) -> str:
        """The name as names are compared."""
        return self.name.strip().lower()

    @cached_property
    def is_text(self) -> bool:
        """Whether the values are texts that a model can read or write."""
        if self.unread:
            return False
        return self._share(bool(text.strip()) and not NUMBER.fullmatch(text.strip()) for text in self.texts) >= MOST

    @cached_property
    def is_prose(self) -> bool:
        """Whether texts have more than a name, an address or a date, where there is a text."""
        filled = [text.strip() for text in self.texts if text.strip()]
        prose = sum(not CODE.fullmatch(text) and not NUMBER.fullmatch(text) for text in filled)
        return not self.unread and not self.lists and prose > len(filled) / 2

    @property
    def is_id(self) -> bool:
        """Whether the name is that of a row's number or source."""
        return self.key in NAMES_OF_IDS or END_OF_IDS.fullmatch(self.name.strip()) is not None

    @cached_property
    def filled(self) -> int:
        """The number of texts that are not empty."""
        return sum(map(bool, map(str.strip, self.texts)))

    @cached_property
    def different(self) -> int:
        """The number of different texts."""
        return len(set(self.texts))

    @cached_property
    def characters(self) -> int:
        """How long a text in the middle is."""
        return int(median(map(len, self.texts))) if self.texts else 0

    @cached_property
    def tokens(self) -> int:
        """About how many tokens all but the longest hundredth of the texts have at most."""
        sizes = sorted(len(text.encode(errors="replace")) for text in self.texts)
        return -(-sizes[(len(sizes) - 1) * 99 // 100] // BYTES_A_TOKEN) if sizes else 0

    def share(self, pattern: str) -> float:
        """The share of the texts in which a regular expression is found."""
        return self._share(re.search(pattern, text) is not None for text in self.texts)

    def _share(self, hits: Iterable[bool]) -> float:
        return sum(hits) / max(1, len(self.texts), self.rows)


def of(columns: Sequence[str], rows: Sequence[Mapping[str, Any] | BadRow | None]) -> list[Look]:
    """The looks of these columns in these rows."""
    good = [row for row in rows if isinstance(row, Mapping)]
    return [_look(name, [row[name] for row in good if not _nothing(row.get(name))]) for name in dict.fromkeys(columns)]


def _look(name: str, values: Sequence[Any]) -> Look:
    said = [*filter(None, map(_said, values))]
    if values and len(said) / len(values) >= MOST:
        return Look(name, len(values), said, talks=True)
    parts = [part for value in values for part in (value if isinstance(value, list) else [value])]
    odd = [part for part in parts if not isinstance(part, str | int) or isinstance(part, bool)]
    unread = type(odd[0]).__name__ if len(odd) > (1 - MOST) * len(parts) else ""
    texts = [text for part in parts for text in _texts(part)]
    lists = any(isinstance(value, list) for value in values)
    return Look(name, len(values), texts, talks=False, unread=unread, lists=lists)


def _texts(value: Any) -> Iterator[str]:
    """A value as text, or the texts in it."""
    if isinstance(value, bool):
        yield f"{value}".lower()
    elif isinstance(value, str | int | float):
        yield f"{value}"
    elif isinstance(value, Mapping | list):
        inside = value.values() if isinstance(value, Mapping) else value
        yield from (text for part in inside if not isinstance(part, bool | int | float) for text in _texts(part))


def _nothing(value: Any) -> bool:
    """Whether a value is null, for which pandas writes NaN."""
    return value is None or value != value


def _said(value: Any) -> str:
    """All that is said in a conversation; empty if the value is none."""
    try:
        return "\n".join(turn.content for turn in turns.read(value))
    except ValueError:
        return ""
