"""Replacements for characters that a terminal's encoding lacks: ``-`` for a dash, ``x`` for a multiplication sign."""

import codecs
import io
import sys
import unicodedata

ERROR_HANDLER = "tuneoff.plain"  # the name of the codecs' error handler
SUBSTITUTES = {
    **dict.fromkeys("–—−‑", "-"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’", "'"),
    "×": "x",
    "÷": "/",
    "·": "*",
    "±": "+-",
    "→": "->",
    "…": "...",
    "≤": "<=",
    "≥": ">=",
    "✓": "yes",
    "ß": "ss",
}
CHARACTERS_IN_USE = "–−×→…"


def use_plain_words() -> None:
    """Make standard output and standard error replace characters that their encoding lacks."""
    codecs.register_error(ERROR_HANDLER, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not _has(stream.encoding):
            stream.reconfigure(errors=ERROR_HANDLER)


def _has(encoding: str) -> bool:
    try:
        return bool(CHARACTERS_IN_USE.encode(encoding))
    except UnicodeEncodeError:
        return False


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks with plain characters or unaccented letters, or else with escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_word, error.object[error.start : error.end])), error.end


def _word(character: str) -> str:
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return SUBSTITUTES.get(character) or letters or ascii(character)[1:-1]
