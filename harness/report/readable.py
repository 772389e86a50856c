"""What is short enough to be read at any size: costs such as ``2.1 M``, ``44.9 s`` and ``953 MB``, and long texts."""

import textwrap
from collections.abc import Mapping
from typing import Final

MAX_CHARACTERS = 4_000  # of a text of a model or of data; the rest is left out
MAX_CAUSE = 120  # characters of why a method has no rank, where there is more to read elsewhere
MINUTE, HOUR = 60.0, 3600.0
LARGE_COUNTS: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
BYTES: Final = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
UNITS: Mapping[str, tuple[tuple[float, str], ...]] = {"count": LARGE_COUNTS, "bytes": BYTES}


def readable(value: float | None, unit: str) -> str:
    """A value with its unit, or a dash if there is none; ``unit`` is ``count``, ``seconds`` or ``bytes``."""
    if value is None:
        return "–"
    if unit == "seconds":
        return _seconds(value)
    for size, name in UNITS[unit]:
        if value >= size:
            return f"{_three_digits(value / size)} {name}"
    return f"{value:,.0f}" if unit == "count" else f"{value:.0f} B"


def times(larger: float, smaller: float) -> str:
    """How many times as much the first value is, to two digits: ``1.8``, ``13``, ``1,100``."""
    ratio = float(f"{larger / smaller:.2g}")
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:g}"


def shortened(text: str) -> str:
    """The text, or its beginning and how much more there is."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS].rstrip()} … ({len(text) - MAX_CHARACTERS:,} more characters)"


def cut(cause: str) -> str:
    """Why something has no result, in one line without a full stop."""
    return textwrap.shorten(cause, MAX_CAUSE, placeholder=" …").rstrip(".")


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends with a mark of its own."""
    return text if text.rstrip().endswith((".", "!", "?", "…")) else f"{text}."


def _seconds(value: float) -> str:
    if value >= HOUR:
        return f"{_three_digits(value / HOUR)} h"
    if value >= 2 * MINUTE:
        return f"{_three_digits(value / MINUTE)} min"
    return f"{value:.1f} s"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
