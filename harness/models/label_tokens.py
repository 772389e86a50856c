"""The tokens of a task's labels behind its prompts, by which a model must tell them apart."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..spec.errors import SuiteError
from .family import Family

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
    """The labels' tokens, as of targets, by the spaces that prompts leave to their targets.

    Raises ``SuiteError`` for a label without tokens, and for labels with the same ones.
    """
    spaces = sorted({family.trailing_space(prompt) for prompt in prompts})
    return {space: _tokens(labels, family, space) for space in spaces}


def _tokens(labels: Sequence[str], family: Family, space: str) -> list[Tokens]:
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


def _named(label: str) -> str:
    return repr(label[:LONGEST_NAME])
