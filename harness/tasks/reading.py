"""How an answer is read: where it ends, and what of it counts. References are read as answers that have ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..spec import aliases, python_task, stops
from ..spec.errors import PluginError, brief
from ..spec.task_contract import Task
from . import extracting
from .matching import label_of


@dataclass(frozen=True)
class Reading:
    """What a task says about answers; ``code`` is the file of a task in Python. By default, a whole text counts."""

    stop: tuple[str, ...] = ()
    extract: str | None = None
    code: str | None = None

    @property
    def whole(self) -> bool:
        """Whether all of an answer counts."""
        return not (self.extract or self.code)

    def ended(self, text: str) -> str:
        """The text up to the first of the texts that end an answer."""
        found = stops.before(self.stop, text)
        return text if found is None else found

    def read(self, text: str, labels: Sequence[str] = ()) -> str | None:
        """What counts of an answer, and which of the ``labels`` that is if there are any; ``None`` if it is invalid."""
        found = text if self.whole else self._part(text)
        return label_of(found, labels) if labels and found is not None else found

    def _part(self, text: str) -> str | None:
        """The part of an answer that counts; ``None`` if there is none."""
        found = text if self.extract is None else extracting.search(self.extract, text).text or ""
        if self.code is not None and found.strip():
            found = _read(self.code, found.strip()) or ""
        return found.strip() or None


def _read(code: str, text: str) -> str | None:
    try:
        with aliases.used():
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
