"""Ends generation where an answer ends: after a text that ends answers, in each row by itself."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase, StoppingCriteriaList

from ..spec import stops

OPTION = "stops"  # the name of ``Stops`` among the options of ``Family.answers``
MARGIN = 8  # tokens that a tokenizer may read otherwise at the beginning of a text, or that are part of a character


@dataclass(frozen=True)
class Stops:
    """The texts that end an answer, in the tokens of a tokenizer."""

    tokenizer: PreTrainedTokenizerBase
    texts: tuple[str, ...]

    def ended(self, ids: Sequence[int]) -> str | None:
        """The answer in these tokens, if one of the texts has ended it."""
        return stops.before(self.texts, self._text(ids))

    def tokens(self, ids: Sequence[int]) -> int | None:
        """The number of tokens up to where one of the texts ended the answer; ``None`` if none did."""
        if not self.texts or self.ended(ids) is None:
            return None
        return bisect_left(range(len(ids)), True, key=lambda count: self.ended(ids[:count]) is not None)

    def rows(self, start: int, ids: torch.Tensor, scores: Any = None) -> torch.Tensor:
        """Which rows have ended, as booleans; their answers begin at ``start``.

        Only the last tokens are read, as long as they do not end an answer.
        """
        size = max(len(text.encode()) for text in self.texts) + MARGIN
        found = [self._has_one(row[-size:]) and self.ended(row) is not None for row in ids[:, start:].tolist()]
        return torch.tensor(found, device=ids.device)

    def _has_one(self, ids: Sequence[int]) -> bool:
        text = self._text(ids)
        return any(each in text for each in self.texts)

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text


def applied(options: Mapping[str, Any], start: int) -> dict[str, Any]:
    """The options as ``generate`` takes them, where the tokens of an answer begin at ``start`` of a row."""
    given = dict(options)
    found: Stops | None = given.pop(OPTION, None)
    return (
        given if found is None else {**given, "stopping_criteria": StoppingCriteriaList([partial(found.rows, start)])}
    )
