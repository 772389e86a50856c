"""What a regular expression finds in a text, in limited time: an answer may be any text, and a search endless."""

from functools import lru_cache
from typing import Final, NamedTuple

import regex

MAX_SECONDS: Final = 1.0  # of computing; a search that takes longer may never end
MAX_KNOWN: Final = 2**16  # texts


class Found(NamedTuple):
    """What the first group has where the expression first matches; ``None`` where it does not."""

    text: str | None
    ended: bool = True  # whether the search came to an end


@lru_cache(MAX_KNOWN)
def search(pattern: str, text: str) -> Found:
    """What is found in the text. A search that takes too long finds nothing, and is never tried again."""
    try:
        match = regex.search(pattern, text, timeout=MAX_SECONDS)
    except TimeoutError:
        return Found(None, ended=False)
    return Found((match[1] or "") if match else None)
