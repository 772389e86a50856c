"""Fits prompts into the source limit, by cutting their longest text at the end."""

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from ..models.family import Family
from ..spec.errors import SuiteError, brief
from .prompt import Slot

MAX_SHOWN = 120  # characters of a prompt


class Fitted(NamedTuple):
    """A prompt that fits into the source limit, its tokens, and whether its longest text was cut to fit."""

    prompt: str
    tokens: list[int]
    cut: bool = False


def fit(slots: Sequence[Slot], family: Family, longest: int) -> list[Fitted]:
    """The prompts of these slots, in order, each of at most ``longest`` tokens.

    A text that is cut is the longest beginning of the original that fits, so it keeps its line breaks. It ends with a
    token, or with any character if the tokenizer does not report which characters its tokens cover.
    Raises ``SuiteError`` if the rest of a prompt leaves no room for the first token of the text.
    """
    fitted = _tokenized([slot.fill(slot.text) for slot in slots], family)
    long = [number for number, one in enumerate(fitted) if len(one.tokens) > longest]
    cut = _cut([slots[number] for number in long], [fitted[number] for number in long], family, longest)
    for number, one in zip(long, cut, strict=True):
        fitted[number] = one
    return fitted


class _Search:
    """A search for the longest beginning of a text that fits, between one that does and one that does not."""

    def __init__(self, slot: Slot, ends: Sequence[int], fits: Fitted, over: Fitted):
        self.slot, self.ends = slot, ends
        self.fits, self.over = fits, over
        self.low, self.high = -1, len(ends)  # the positions in ``ends`` at which these two are cut

    def done(self) -> bool:
        """Whether there is nothing left between the two."""
        return self.high - self.low == 1

    def place(self, longest: int, halve: bool) -> int:
        """The position to try next: the middle, or the one of the limit if tokens are spread evenly."""
        least, most = len(self.fits.tokens), len(self.over.tokens)
        share = 0.5 if halve else (longest - least) / max(1, most - least)
        return min(max(self.low + int(share * (self.high - self.low)), self.low + 1), self.high - 1)

    def cut(self, place: int) -> str:
        """The prompt whose text is cut at that position."""
        return self.slot.fill(self.slot.text[: self.ends[place]])

    def learn(self, place: int, one: Fitted, longest: int) -> None:
        """Narrow the search by a prompt that was cut at that position."""
        if len(one.tokens) > longest:
            self.high, self.over = place, one
        else:
            self.low, self.fits = place, one


def _cut(slots: Sequence[Slot], whole: Sequence[Fitted], family: Family, longest: int) -> list[Fitted]:
    """The prompts of texts that are too long as a ``whole``, tokenised together in a few rounds."""
    empty = _tokenized([slot.fill("") for slot in slots], family)
    ends = _ends([slot.text for slot in slots], family.tokenizer)
    searches = [_Search(*each) for each in zip(slots, ends, empty, whole, strict=True)]
    for turn in count(1):
        pending = [search for search in searches if not search.done()]
        if not pending:
            break
        places = [search.place(longest, halve=turn % 3 == 0) for search in pending]
        texts = [search.cut(place) for search, place in zip(pending, places, strict=True)]
        for search, place, one in zip(pending, places, _tokenized(texts, family), strict=True):
            search.learn(place, one._replace(cut=True), longest)
    if tight := [search for search in searches if search.low < 0]:
        worst = max(tight, key=lambda search: len(search.over.tokens))
        raise SuiteError(
            f"task.max_source_tokens: {longest} leaves no room for a source: the rest of the prompt alone takes "
            f"{len(worst.fits.tokens)} tokens of this model; raise it to at least {len(worst.over.tokens)}, or shorten "
            f"the other texts in the {len(tight):,} prompts of which this is true, such as {_shown(worst)}"
        )
    return [search.fits for search in searches]


def _shown(search: _Search) -> str:
    return brief(repr(search.slot.fill("…")), MAX_SHOWN)


def _tokenized(prompts: Sequence[str], family: Family) -> list[Fitted]:
    return [Fitted(*one) for one in zip(prompts, family.prompt_ids(prompts), strict=True)]


def _ends(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Where each text may be cut: after a token or, if positions are unknown, a character; never after a space."""
    if tokenizer.is_fast and texts:
        encoded = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        spans = [{end for _, end in offsets} for offsets in encoded["offset_mapping"]]
    else:
        spans = [set() for _ in texts]
    return [
        sorted({len(text[:end].rstrip()) for end in known or range(1, len(text) + 1)} - {0})
        for text, known in zip(texts, spans, strict=True)
    ]
