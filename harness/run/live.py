"""Tells the session how far a run is, in a file that the session may read at any time."""

from contextlib import suppress
from pathlib import Path
from time import monotonic

from ..spec.progress import FILE, Progress

MIN_SECONDS = 0.25  # between two messages in training, so that they take no time that anyone could measure


class Live:
    """The messages of one run, which replace each other; a message that cannot be written is lost."""

    def __init__(self, run: str, folder: Path):
        self._run = run
        self._path = folder / FILE
        self._last = 0.0

    def phase(self, name: str) -> None:
        """Say that this phase begins."""
        self._tell(Progress(run=self._run, phase=name))

    def spent(self, share: float, loss: float | None) -> None:
        """Say which share of the budget is spent, and the last loss, unless the last message is very recent."""
        if monotonic() - self._last >= MIN_SECONDS:
            self._tell(Progress(run=self._run, phase="train", share=share, loss=loss))

    def _tell(self, progress: Progress) -> None:
        beside = self._path.with_suffix(".part")
        with suppress(OSError):
            beside.write_text(progress.model_dump_json(), encoding="utf-8")
            beside.replace(self._path)
        self._last = monotonic()
