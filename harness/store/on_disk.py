"""What all files of ``results/`` have in common: they are replaced as a whole, and state their schema."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..spec.errors import StoreError

OLDEST_SCHEMA = 1  # schema that can be read
DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, a used-up quota, a limit of file sizes


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise ``StoreError``, which says what to do, if something in a results folder cannot be written."""
    try:
        yield
    except OSError as error:
        space = "free some space, or " if error.errno in DISK_FULL_ERRORS else ""
        raise StoreError(
            f"{folder}: cannot be written to: {error.strerror}; {space}choose another folder with --results=DIR"
        ) from error


def replace(path: Path, content: bytes) -> None:
    """Replace a file: write beside it, flush to the disk, then rename, so that a reader sees the old or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)  # a partial file takes up space
        raise


def read(path: Path | str) -> bytes:
    """The whole file, read without a buffer, which takes longer to set up than a small file to read."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (thousands of paths need not be objects)
        return file.read()


def foreign(path: Path, schema: int) -> str | None:
    """Which version of Tuneoff wrote this JSON file, if this version cannot read its ``schema``."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["schema"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if found in range(OLDEST_SCHEMA, schema + 1):
        return None
    age = "a newer" if isinstance(found, int) and found > schema else "an older"
    return f"written by {age} version of Tuneoff (schema {found}, this one reads {schema})"
