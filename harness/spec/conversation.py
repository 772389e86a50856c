"""The turns of a conversation, and how a model without a chat template reads them."""

from collections.abc import Sequence
from typing import NamedTuple

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"


class Turn(NamedTuple):
    """Who speaks, ``system``, ``user`` or ``assistant``, and what."""

    role: str
    content: str


def as_text(turns: Sequence[Turn]) -> str:
    """The turns as text, up to where the assistant goes on."""
    said = "".join(f"{turn.role.capitalize()}: {turn.content}\n\n" for turn in turns)
    return f"{said}{ASSISTANT.capitalize()}: "
