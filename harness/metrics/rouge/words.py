"""How ROUGE splits a text into words, and which tokenizer a data set needs.

``rouge_score``      that library's own: lower-case a-z and 0-9; everything else separates words; stemmed
``words``            Unicode words: letters, marks and digits; single characters in scripts without spaces; not stemmed
``characters``       every letter or digit with its marks; not stemmed

The last two fold texts like Unicode's NFKC_Casefold: case, width, ligatures, composition and invisible characters
(joiners, soft hyphens) make no difference. Marks, such as those of Arabic, Hindi or Thai, do.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import regex

ROUGE_SCORE: Final = "rouge_score"
WORDS: Final = "words"
MAX_UNREAD_SHARE = 0.01  # the share of references that rouge_score may fail to read

# Scripts written without spaces between words. Tibetan is not one: it has a mark after every syllable.
UNSPACED_SCRIPTS = "".join(
    rf"\p{{scx={script}}}"
    for script in (
        *("Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar"),
        *("Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Javanese", "Balinese"),
    )
)
ASCII_WORD = re.compile(r"[a-z0-9]+")  # of lower-case text: rouge_score's tokenizer splits at everything else
CHARACTER = regex.compile(r"[\p{L}\p{N}]\p{M}*")
WORD = regex.compile(
    rf"[[\p{{L}}\p{{N}}]&&[{UNSPACED_SCRIPTS}]]\p{{M}}*|(?:[[\p{{L}}\p{{N}}]--[{UNSPACED_SCRIPTS}]]\p{{M}}*)+",
    regex.VERSION1,
)
INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
LETTER = regex.compile(r"\p{L}")
NON_LATIN_LETTER = regex.compile(r"[\p{L}--[\p{Latin}--[\uFF00-\uFFEF]]]", regex.VERSION1)  # accented ones are Latin


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold())


TOKENIZERS: Mapping[str, Callable[[str], list[str]]] = {
    ROUGE_SCORE: lambda text: ASCII_WORD.findall(text.lower()),
    WORDS: lambda text: WORD.findall(_folded(text)),
    "characters": lambda text: CHARACTER.findall(_folded(text)),
}


def choose(references: Iterable[str]) -> str:
    """The tokenizer for a data set with these references: ``rouge_score`` if they are Latin text, or else ``words``.

    They are Latin if ``rouge_score`` can read all but one in a hundred. What ``words`` cannot read is ignored.
    """
    read = [reads(ROUGE_SCORE, reference) for reference in references if reads(WORDS, reference)]
    return ROUGE_SCORE if read.count(False) <= MAX_UNREAD_SHARE * len(read) else WORDS


def reads(tokenizer: str, reference: str) -> bool:
    """Whether a tokenizer can read a reference: it finds a word and, for ``rouge_score``, at least half are Latin.

    Only words with letters count for that half. So a foreign name does not make a Latin sentence unreadable, and digits
    do not make a Japanese sentence readable.
    """
    if reference.isascii():  # in which all tokenizers see the same letters and digits
        return bool(ASCII_WORD.search(reference.lower()))
    if tokenizer != ROUGE_SCORE or not TOKENIZERS[tokenizer](reference):
        return bool(TOKENIZERS[tokenizer](reference))
    lettered = [word for word in WORD.findall(reference) if LETTER.search(word)]
    return 2 * sum(bool(NON_LATIN_LETTER.search(word)) for word in lettered) <= len(lettered)
