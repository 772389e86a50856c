"""Finds the columns of multiple-choice questions: the choices, and the letters or numbers that answers name."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits

from .looks import Look
from .usual_names import CHOICES, KEYS, STEMS

NUMBERED = re.compile(r"(.*?)[ _-]?([a-z]|\d)")  # choice_a, ending0, A


@dataclass(frozen=True)
class Choices:
    """The column with the right answers, and the choices by what the answers call them: by nothing if in one list."""

    target: Look
    marked: Sequence[tuple[str, Look]]


def find(looks: Mapping[str, Look]) -> Iterator[Choices]:
    """The multiple-choice questions that the columns may be."""
    keys = sorted((look for look in looks.values() if look.key in KEYS), key=lambda look: KEYS.index(look.key))
    for target in keys:
        for group in _groups(looks).values():
            if target not in group.values() and (marks := _marks([*group], {*map(str.strip, target.texts)})):
                yield Choices(target, [*zip(marks, group.values(), strict=True)])
        lists = [look for look in looks.values() if look.key in CHOICES and (look.lists or look.unread)]
        if lists:
            yield Choices(target, [("", lists[0])])


def _groups(looks: Mapping[str, Look]) -> dict[str, dict[str, Look]]:
    """Columns whose names differ in a letter or number at the end alone, which counts from the first one."""
    groups: dict[str, dict[str, Look]] = {}
    for look in looks.values():
        name = NUMBERED.fullmatch(look.key)
        if name and name[1] in STEMS and look.filled and not look.lists and not look.unread:
            groups.setdefault(name[1], {})[name[2]] = look
    return {stem: dict(sorted(group.items())) for stem, group in groups.items() if _counts([*group])}


def _counts(ends: Collection[str]) -> bool:
    run = "".join(sorted(ends))
    return len(run) > 1 and run in (f"{ascii_lowercase}"[: len(run)], digits[: len(run)], digits[1 : len(run) + 1])


def _marks(ends: Sequence[str], values: Collection[str]) -> list[str] | None:
    """What the answers call the choices with these ends of names; ``None`` if they are something else."""
    count = len(ends)
    upper = [end.upper() for end in ends]
    ways = (upper, [*ends], *([*each[:count]] for each in (digits, digits[1:], ascii_uppercase, ascii_lowercase)))
    return next((way for way in ways if len(values) > 1 and {*values} <= {*way}), None)
