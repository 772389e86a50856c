"""What the columns of a data set look like: whether they are texts, how long, and how many different ones."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from . import turns
from .data_files import BadRow

NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
MOST = 0.95  # of the values: what so many are, a column is
BYTES_A_TOKEN = 3  # of UTF-8: few enough for English, and one character of a script such as Chinese
NAMES_OF_IDS = {"id", "ids", "uid", "guid", "idx", "index", "fname", "split", "unnamed: 0", ""}


@dataclass(frozen=True)
class Look:
    """A column; ``texts`` are its values that are texts, or in lists, or all that is said in a conversation."""

    name: str
    rows: int  # that have a value
    texts: Sequence[str]
    talks: bool  # whether the values are conversations

    @property
    def is_text(self) -> bool:
        """Whether the values are texts that a model can read or write."""
        return self._share(bool(text.strip()) and not NUMBER.fullmatch(text.strip()) for text in self.texts) >= MOST

    @property
    def is_id(self) -> bool:
        """Whether the name is that of a row's number or source."""
        return self.name.strip().lower() in NAMES_OF_IDS

    @property
    def different(self) -> int:
        """The number of different texts."""
        return len(set(self.texts))

    @property
    def characters(self) -> int:
        """How long a text in the middle is."""
        return int(median(map(len, self.texts))) if self.texts else 0

    @property
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
    return [_look(name, [row[name] for row in good if row.get(name) is not None]) for name in dict.fromkeys(columns)]


def _look(name: str, values: Sequence[Any]) -> Look:
    parts = [part for value in values for part in (value if isinstance(value, list) else [value])]
    talks = bool(values) and sum(map(bool, map(_said, values))) / len(values) >= MOST
    texts = [f"{part}" for part in parts if isinstance(part, str | int) and not isinstance(part, bool)]
    return Look(name, len(values), [*filter(None, map(_said, values))] if talks else texts, talks)


def _said(value: Any) -> str:
    """All that is said in a conversation; empty if the value is none."""
    try:
        return "\n".join(turn.content for turn in turns.read(value))
    except ValueError:
        return ""
