"""The labels that answers are chosen from: their tokens behind a prompt, and which of them a text is."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..models.family import Family
from ..spec.errors import SuiteError

Tokens = list[int]

LONGEST_NAME = 40  # characters of a label in a message


def check(labels: Sequence[str], family: Family, prompts: Iterable[str], longest: int) -> None:
    """Raise ``SuiteError`` for labels that the model cannot tell apart, or that ``longest`` tokens are too few for."""
    for tokens in by_space(labels, family, prompts).values():
        label, ids = max(zip(labels, tokens, strict=True), key=lambda pair: len(pair[1]))
        if len(ids) > longest:
            raise SuiteError(
                f"task.max_target_tokens: {longest} is too few for the label {_named(label)}, which has {len(ids)} "
                f"tokens with the end of the text; raise it to at least {len(ids)}"
            )


def by_space(labels: Sequence[str], family: Family, prompts: Iterable[str]) -> dict[str, list[Tokens]]:
    """The labels' tokens by the spaces that a prompt leaves to its target."""
    spaces = sorted({family.trailing_space(prompt) for prompt in prompts})
    return {space: _tokens(labels, family, space) for space in spaces}


def find(text: str, labels: Sequence[str]) -> str | None:
    """The label that a text is, whatever its case and its spaces; ``None`` if it is no label."""
    if text in labels:
        return text
    return next((label for label in labels if _plain(label) == _plain(text)), None)


def _tokens(labels: Sequence[str], family: Family, space: str) -> list[Tokens]:
    """The tokens of each label, as of a target; raises ``SuiteError`` if some have none, or the same ones."""
    (nothing, *found), _ = family.target_ids(["", *(space + label for label in labels)], sys.maxsize)
    alike: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for label, ids in zip(labels, found, strict=True):
        if not label.strip() or ids == nothing:
            raise SuiteError(f"task.labels: {_named(label)} has no tokens for this model's tokenizer; leave it out")
        alike[tuple(ids)].append(label)
    for same in alike.values():
        if len(same) > 1:
            raise SuiteError(
                f"task.labels: {' and '.join(map(_named, same))} have the same tokens for this model's tokenizer, so "
                "no answer can be one of them alone; rename them, or leave all but one out"
            )
    return found


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _named(label: str) -> str:
    return repr(label[:LONGEST_NAME])
