"""Writes a first prompt around the columns of a data set."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..spec.task_table import OWN_COLUMNS, SOURCE
from .looks import Look


@dataclass(frozen=True)
class Part:
    """A column in a prompt, with the text before it; ``own`` is the task's name for it."""

    look: Look
    own: str
    before: str = ""

    @property
    def text(self) -> str:
        """The part as the prompt has it."""
        return f"{literal(self.before)}{{{self.own}}}"


def parts(source: Look, looks: Iterable[Look], before: Sequence[str] = ()) -> list[Part]:
    """These columns, of which one is the source, each after one of the texts, under names that a prompt may have."""
    made: list[Part] = []
    for number, look in enumerate(looks):
        taken = {*OWN_COLUMNS, *(part.own for part in made)}
        own = SOURCE if look is source else _own(look.name, taken)
        made.append(Part(look, own, before[number] if before else ""))
    return made


def columns(made: Iterable[Part]) -> dict[str, str]:
    """What the data call the columns that the task calls otherwise."""
    return {part.own: part.look.name for part in made if part.own != part.look.name}


def written(made: Sequence[Part], end: str, begin: str = "", gap: str = "\n\n") -> str | list[str]:
    """The prompt, and a second one without the columns that some rows have no text in, if there are any."""
    rows = max(part.look.filled for part in made if part.own == SOURCE)
    full = [part for part in made if part.own == SOURCE or part.look.filled >= rows]
    prompts = [f"{literal(begin)}{gap.join(part.text for part in some)}{end}" for some in (made, full)]
    return prompts[0] if len(full) == len(made) else prompts


def literal(text: str) -> str:
    """A text as a prompt must have it, in which braces mean something."""
    return text.replace("{", "{{").replace("}", "}}")


def titled(name: str) -> str:
    """A column's name before what is in it."""
    return " ".join(name.split()).replace("_", " ").capitalize()


def _own(name: str, taken: Iterable[str]) -> str:
    """The column's name, or one like it that can stand in braces and that no other column has."""
    own = re.sub(r"\W+", "_", name).strip("_") or "text"
    while own in taken:
        own += "_2"
    return own
