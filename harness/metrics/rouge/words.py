"""How ROUGE reads a text as words, and which of the readings a data set needs.

``rouge_score``      that library's: lower-case a-z and 0-9, everything else is a gap; stemmed
``words``            Unicode's: letters, marks and digits; a character each in scripts without spaces; not stemmed
``characters``       every letter or digit with its marks; not stemmed

The last two compare texts folded as by Unicode's NFKC_Casefold: case, width and ligatures, composed or not, and
characters that nobody sees (joiners, soft hyphens) make no difference. Marks, as of Arabic, Hindi or Thai, do.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import regex

ROUGE_SCORE: Final = "rouge_score"
WORDS: Final = "words"
MAX_UNREAD_SHARE = 0.01  # the share of references up to which those that rouge_score cannot read are strays

# Scripts written without spaces between words. Tibetan is none: it has a sign after every syllable.
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
NON_LATIN_LETTER = regex.compile(r"[\p{L}--[\p{Latin}--[\uFF00-\uFFEF]]]", regex.VERSION1)  # accents are none


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).casefold())


TOKENIZERS: Mapping[str, Callable[[str], list[str]]] = {
    ROUGE_SCORE: lambda text: ASCII_WORD.findall(text.lower()),
    WORDS: lambda text: WORD.findall(_folded(text)),
    "characters": lambda text: CHARACTER.findall(_folded(text)),
}


def choose(references: Iterable[str]) -> str:
    """The tokenizer for a data set with these references: ``rouge_score`` where they are Latin text, else ``words``.

    Latin are those that ``rouge_score`` reads; one in a hundred may be another. What nobody reads counts for neither.
    """
    read = [reads(ROUGE_SCORE, reference) for reference in references if reads(WORDS, reference)]
    return ROUGE_SCORE if read.count(False) <= MAX_UNREAD_SHARE * len(read) else WORDS


def reads(tokenizer: str, reference: str) -> bool:
    """Whether a tokenizer sees what a reference says: any word at all, and ``rouge_score`` half of those with letters.

    A foreign name does not hide a Latin sentence, and the digits in a Japanese one are not what it says.
    """
    if reference.isascii():  # all of them see the same letters and digits there
        return bool(ASCII_WORD.search(reference.lower()))
    if tokenizer != ROUGE_SCORE or not TOKENIZERS[tokenizer](reference):
        return bool(TOKENIZERS[tokenizer](reference))
    lettered = [word for word in WORD.findall(reference) if LETTER.search(word)]
    return 2 * sum(bool(NON_LATIN_LETTER.search(word)) for word in lettered) <= len(lettered)
