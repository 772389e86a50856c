"""Scripts without spaces between words, in which a character is the smallest part that texts share."""

import regex

LETTER = regex.compile(r"\p{L}")
HAN = regex.compile(r"\p{Han}")
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")


def unspaced(text: str) -> bool:
    """Whether most letters of a text belong to scripts without spaces between words."""
    return not text.isascii() and 2 * len(UNSPACED.findall(text)) > len(LETTER.findall(text))


def han(text: str) -> bool:
    """Whether, of the scripts without spaces, a text has only Chinese characters, if any."""
    return len(UNSPACED.findall(text)) == len(HAN.findall(text))


def words(text: str) -> list[str]:
    """What spaces separate, and each character of the scripts without spaces."""
    return (text if text.isascii() else UNSPACED.sub(r" \g<0> ", text)).split()
