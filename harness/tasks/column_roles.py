"""What a column may be in a task, by its name and its looks: a label, a source, or beside the source."""

from collections.abc import Mapping, Sequence

from .looks import Look
from .usual_names import GIVING_AWAY, LABELS, NO_SOURCES, SOURCES, TARGETS

Looks = Mapping[str, Look]  # by the name of the column

MAX_LABELS, MAX_LABEL_CHARACTERS = 500, 60
LABEL_ROWS, NAMED_LABEL_ROWS = 5, 2  # for each label, at least, in the middle; where the column is called as one


def is_label(look: Look, most: int = MAX_LABELS) -> bool:
    """Whether the values are short, at most so many different ones, and each in several rows."""
    rows = NAMED_LABEL_ROWS if look.key in LABELS else LABEL_ROWS
    few = 2 <= look.different <= most and look.rows >= rows * look.different
    return few and bool(look.texts) and max(map(len, look.texts)) <= MAX_LABEL_CHARACTERS


def is_another_label(look: Look) -> bool:
    """Whether the values are labels of something else, rather than texts of which there are few."""
    return is_label(look) and (not look.is_prose or look.key in LABELS or look.key in TARGETS)


def sources(looks: Looks) -> list[Look]:
    """The columns that a prompt may be about."""
    return [look for look in usable(looks) if look.is_text]


def usable(looks: Looks) -> list[Look]:
    """The columns that a prompt may have in it."""
    known = [look for look in looks.values() if not look.unread and not look.lists and not look.is_id]
    told = [look for look in known if not any(word in look.key for word in GIVING_AWAY)]
    return [look for look in told if look.key not in NO_SOURCES and not look.talks]


def likeliest(looks: Sequence[Look]) -> Look | None:
    """The likeliest source: the column with the most usual name, or else the longest."""
    usual = [look for look in looks if look.key in SOURCES]
    if usual:
        return min(usual, key=lambda look: SOURCES.index(look.key))
    return max(looks, key=lambda look: look.characters, default=None)
