"""How far a run is, as its process tells the session while it runs."""

from pathlib import Path

from pydantic import ValidationError

from .block import Block

FILE = "progress.json"  # in the folder for the files of the run


class Progress(Block):
    """The phase that a run is in, the share of its budget that is spent, and its last loss if the shared loop trains.

    ``share`` is ``None`` outside training.
    """

    run: str
    phase: str
    share: float | None = None
    loss: float | None = None


def under_way(folder: Path) -> list[Progress]:
    """The runs whose files are in these folders, by name."""
    found = []
    for path in folder.glob(f"*/{FILE}"):
        try:
            found.append(Progress.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError):  # it has just ended
            continue
    return sorted(found, key=lambda each: each.run)
