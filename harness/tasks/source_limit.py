"""Fits prompts into the source limit, by cutting long dialogues at the end."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from ..models.family import Family
from ..spec.errors import SuiteError

Fill = Callable[[str], str]  # makes a prompt from a dialogue


class Fitted(NamedTuple):
    """A prompt that fits into the source limit, its tokens, and whether its dialogue was cut to fit."""

    prompt: str
    tokens: list[int]
    cut: bool = False


def fit(dialogues: Sequence[str], fill: Fill, family: Family, longest: int) -> list[Fitted]:
    """The prompts of dialogues, in order, each of at most ``longest`` tokens.

    A cut dialogue is the longest beginning of the original text that fits, so it keeps its line breaks. It ends with a
    token, or with any character if the tokenizer does not report which characters its tokens cover.
    Raises ``SuiteError`` if the instruction leaves no room for the first token of a dialogue.
    """
    fitted = _tokenized([fill(dialogue) for dialogue in dialogues], family)
    long = [number for number, one in enumerate(fitted) if len(one.tokens) > longest]
    cut = _cut([dialogues[number] for number in long], [fitted[number] for number in long], fill, family, longest)
    for number, one in zip(long, cut, strict=True):
        fitted[number] = one
    return fitted


class _Search:
    """A search for the longest beginning of a dialogue that fits, between one that does and one that does not."""

    def __init__(self, dialogue: str, ends: Sequence[int], fits: Fitted, over: Fitted):
        self.dialogue, self.ends = dialogue, ends
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

    def learn(self, place: int, one: Fitted, longest: int) -> None:
        """Narrow the search by a prompt that was cut at that position."""
        if len(one.tokens) > longest:
            self.high, self.over = place, one
        else:
            self.low, self.fits = place, one


def _cut(dialogues: Sequence[str], whole: Sequence[Fitted], fill: Fill, family: Family, longest: int) -> list[Fitted]:
    """The prompts of dialogues that are too long as a ``whole``, tokenised together in a few rounds."""
    (instruction,) = _tokenized([fill("")], family)
    searches = [
        _Search(dialogue, ends, instruction, over)
        for dialogue, ends, over in zip(dialogues, _ends(dialogues, family.tokenizer), whole, strict=True)
    ]
    for turn in count(1):
        pending = [search for search in searches if not search.done()]
        if not pending:
            break
        places = [search.place(longest, halve=turn % 3 == 0) for search in pending]
        texts = [fill(search.dialogue[: search.ends[place]]) for search, place in zip(pending, places, strict=True)]
        for search, place, one in zip(pending, places, _tokenized(texts, family), strict=True):
            search.learn(place, one._replace(cut=True), longest)
    if needed := max((len(search.over.tokens) for search in searches if search.low < 0), default=0):
        raise SuiteError(
            f"task.max_source_tokens: {longest} leaves no room for a dialogue: the instruction alone takes "
            f"{len(instruction.tokens)} tokens of this model; raise it to at least {needed}"
        )
    return [search.fits for search in searches]


def _tokenized(prompts: Sequence[str], family: Family) -> list[Fitted]:
    return [Fitted(*one) for one in zip(prompts, family.prompt_ids(prompts), strict=True)]


def _ends(dialogues: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Where each dialogue may be cut: after a token or, if positions are unknown, a character; never after a space."""
    texts = list(dialogues)
    if tokenizer.is_fast and texts:
        encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        spans = [{end for _, end in offsets} for offsets in encoded["offset_mapping"]]
    else:
        spans = [set() for _ in texts]
    return [
        sorted({len(text[:end].rstrip()) for end in known or range(1, len(text) + 1)} - {0})
        for text, known in zip(texts, spans, strict=True)
    ]
