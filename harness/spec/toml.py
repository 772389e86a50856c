"""Writes values as TOML: what is written is read back as the same values."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from .errors import UsageError

BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key without quotes
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


def written(value: Any) -> str:
    """A text, number, boolean, list or table in one line.

    Raises ``UsageError`` for a text with half a character, which no TOML file can have.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        pairs = [f"{key(name)} = {written(each)}" for name, each in value.items()]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # nan, inf, -inf
    return json.dumps(value)


def key(name: str) -> str:
    """The name of a key, in quotes if it needs them."""
    return name if BARE.fullmatch(name) else _text(name)


def comment(text: str) -> str:
    """A text that may follow ``#``, and be shown in a terminal: in one line, and without control characters."""
    return "".join(each if each.isprintable() else UNPRINTABLE for each in " ".join(text.split()))


def _text(text: str) -> str:
    """In quotes, as JSON writes it, with escapes also for the other characters that nobody sees."""
    if LONE_SURROGATE.search(text):
        raise UsageError(f"{text!a}: has half a character (a lone surrogate), which cannot be written down; rename it")
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08X}" for each in quoted)
