"""A temporary folder of a session's own, gone when the session is.

A session that is killed cannot clean up, but its lock goes with it, so that the next one knows what is nobody's.
"""

import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"
LOCK_TIMEOUT_SECONDS = 5.0  # for another session that just looks whether this one lives


class Scratch:
    """A new folder, locked until it is closed; what killed sessions left behind of that name goes away."""

    def __init__(self, prefix: str):
        for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            if abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
        self.folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        self._lock = FileLock(self.folder / LOCK_FILE)
        self._lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()


def abandoned(folder: Path) -> bool:
    """Whether its session has ended without closing it; one without a lock is only being made."""
    if not (folder / LOCK_FILE).exists():
        return False
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except (OSError, Timeout):
        return False
    lock.release()
    return True
