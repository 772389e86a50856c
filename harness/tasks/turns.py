"""Reads a conversation in one of the usual forms: a list of turns, each with who speaks and what."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..spec.conversation import ASSISTANT, SYSTEM, USER, Turn
from ..spec.errors import brief

FORMS = (("role", "content"), ("from", "value"))  # the keys of a turn
ROLES = {SYSTEM: SYSTEM, USER: USER, ASSISTANT: ASSISTANT, "human": USER, "gpt": ASSISTANT}


def read(value: Any) -> tuple[Turn, ...]:
    """The turns of a cell, of which the last one is the assistant's; ``ValueError`` says why if they are not."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"is not a list of turns but {'null' if value is None else type(value).__name__}")
    turns = tuple(_turn(number, each) for number, each in enumerate(value, start=1))
    if len(turns) < 2 or turns[-1].role != ASSISTANT:
        raise ValueError("does not end with a turn of the assistant after another one, which would be the target")
    if any(turn.role == SYSTEM for turn in turns[1:]):
        raise ValueError("has a turn of the system that is not the first")
    if all(turn.role == SYSTEM for turn in turns[:-1]):
        raise ValueError("has no turn of the user")
    return turns


def _turn(number: int, value: Any) -> Turn:
    keys = next((keys for keys in FORMS if isinstance(value, Mapping) and all(key in value for key in keys)), None)
    if keys is None:
        raise ValueError(f"turn {number} has no role and content")
    role, content = (value[key] for key in keys)
    if not isinstance(role, str) or role not in ROLES:
        raise ValueError(f"turn {number} is of {brief(repr(role))}; known roles: {', '.join(ROLES)}")
    if isinstance(content, Sequence | Mapping) and not isinstance(content, str) and content:
        raise ValueError(f"turn {number} has its text in a {type(content).__name__}; write it as one text")
    if not isinstance(content, str) or not content.strip():
        raise ValueError(f"turn {number} has no text")
    return Turn(ROLES[role], content)
