"""How an answer is read: where it ends, what of it counts, and whether it is valid. References are read alike."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..spec import python_task
from ..spec.errors import PluginError, brief
from ..spec.task_contract import Task


@dataclass(frozen=True)
class Reading:
    """What a task says about answers; ``code`` is the file of a task in Python. By default, a whole text counts."""

    stop: tuple[str, ...] = ()
    extract: str | None = None
    labels: tuple[str, ...] = ()
    code: str | None = None

    @property
    def whole(self) -> bool:
        """Whether any text is a valid answer, and all of it counts."""
        return not (self.extract or self.labels or self.code)

    def ended(self, text: str) -> str:
        """The text up to the first of the texts that end an answer."""
        places = [place for stop in self.stop if (place := text.find(stop)) >= 0]
        return text[: min(places)].strip() if places else text

    def read(self, text: str) -> str | None:
        """What counts of an answer or of a reference; ``None`` if it is invalid."""
        if self.whole:
            return text
        found: str | None = text.strip()
        if self.extract is not None:
            match = re.search(self.extract, text)
            found = (match[1] or "").strip() if match else None
        if self.code is not None and found:
            found = _read(self.code, found)
        return None if not found or (self.labels and found not in self.labels) else found

    def answers(self, texts: Sequence[str]) -> list[str]:
        """What is scored of these texts; of an invalid one, nothing."""
        return [self.read(text) or "" for text in texts]


def _read(code: str, text: str) -> str | None:
    try:
        found = hooks(code).read(text)
    except Exception as error:  # an author's code may raise anything
        raise PluginError(f"{code}: read() raised {type(error).__name__}: {brief(error, 200)}") from error
    if found is not None and not isinstance(found, str):
        raise PluginError(f"{code}: read() returned {type(found).__name__}; it must return a string or None")
    return found


@cache
def hooks(code: str) -> Task:
    """The task in a Python file, imported once in a process; raises ``PluginError`` if it breaks the contract."""
    return python_task.load(Path(code))
