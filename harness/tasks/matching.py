"""Which label an answer is."""

from collections.abc import Sequence


def label_of(text: str, labels: Sequence[str]) -> str | None:
    """The label that a text equals but for case and spaces, or exactly if several do; ``None`` if it is no label."""
    if text in labels:
        return text
    return next((label for label in labels if _plain(label) == _plain(text)), None)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
