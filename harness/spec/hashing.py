"""The hashes of data, weights, settings and sources: always the first twelve hex digits of SHA-256."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest(*parts: bytes) -> str:
    """The hash of these parts, concatenated."""
    return digest_of(parts)


def digest_of(parts: Iterable[bytes]) -> str:
    """The same hash, of parts that need not be in memory at once."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:12]


def digest_of_files(folder: Path, files: Iterable[Path]) -> str:
    """The hash of the names and contents of files in a folder, in that order."""
    names = ((path.relative_to(folder).as_posix(), sha256(path).hexdigest()) for path in files)
    return digest_of(f"{name}\0{content}\0".encode() for name, content in names)


def digest_of_folder(folder: Path) -> str:
    """The hash of the names and contents of all files in a folder and below it."""
    return digest_of_files(folder, sorted(path for path in folder.rglob("*") if path.is_file()))


def sha256(path: Path) -> "hashlib._Hash":
    """The whole hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")


def digest_json(value: Any) -> str:
    """The hash of a value as JSON; the order of keys makes no difference."""
    return digest(json.dumps(value, sort_keys=True).encode())
