"""What every file of ``results/`` has in common: it is replaced as a whole, and knows its schema."""

import json
import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Write beside the file, flush to the disk, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read(path: Path | str) -> bytes:
    """The whole file, without the buffers that take longer than a small file itself."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (thousands of paths need not be objects)
        return file.read()


def foreign(path: Path, schema: int) -> str:
    """Which other Tuneoff wrote this JSON file, if its ``schema`` says so; else empty."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["schema"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    if found == schema:
        return ""
    age = "a newer" if isinstance(found, int) and found > schema else "an older"
    return f"written by {age} Tuneoff (schema {found}, this one reads {schema})"
