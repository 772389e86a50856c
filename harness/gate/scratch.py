"""A temporary folder for one session, removed when the session ends.

A killed session cannot clean up, but its lock is released, so that the next session knows which folders are abandoned.
"""

import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"
LOCK_TIMEOUT_SECONDS = 5.0  # another session may hold the lock briefly, to check whether this one is alive


class Scratch:
    """A new folder, locked until it is closed; abandoned folders with the same prefix are removed."""

    def __init__(self, prefix: str):
        for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            if abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
        self.folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        self._lock = FileLock(self.folder / LOCK_FILE)
        self._lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Remove the folder and its content."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()


def abandoned(folder: Path) -> bool:
    """Whether the folder's session ended without closing it; a folder without a lock file is still being created."""
    if not (folder / LOCK_FILE).exists():
        return False
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except (OSError, Timeout):
        return False
    lock.release()
    return True
