"""Texts that end an answer: where an answer ends, apart from white space before and after it."""

from collections.abc import Sequence


def before(stops: Sequence[str], text: str) -> str | None:
    """What stands before the first of the stops; ``None`` if there is none."""
    text = text.lstrip()
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)].strip() if places else None
