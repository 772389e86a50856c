"""What every file of ``results/`` has in common: it is replaced as a whole, and knows its schema."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..spec.errors import StoreError

OLDEST_SCHEMA = 1  # schema that is still read
DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a disk, a quota or a limit says that leaves no room


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise ``StoreError`` with what to do where something in a folder of results cannot be written."""
    try:
        yield
    except OSError as error:
        space = "free some space, or " if error.errno in DISK_FULL_ERRORS else ""
        raise StoreError(
            f"{folder}: cannot be written: {error.strerror}; {space}choose another folder with --results=DIR"
        ) from error


def replace(path: Path, content: bytes) -> None:
    """Write beside the file, flush to the disk, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)  # what has arrived of it takes room
        raise


def read(path: Path | str) -> bytes:
    """The whole file, without the buffers that take longer than a small file itself."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (thousands of paths need not be objects)
        return file.read()


def foreign(path: Path, schema: int) -> str | None:
    """Which other Tuneoff wrote this JSON file, if its ``schema`` is none that this one reads."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["schema"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if found in range(OLDEST_SCHEMA, schema + 1):
        return None
    age = "a newer" if isinstance(found, int) and found > schema else "an older"
    return f"written by {age} Tuneoff (schema {found}, this one reads {schema})"
