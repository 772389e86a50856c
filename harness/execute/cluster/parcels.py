"""Files that runs need on other machines: they go through Ray's object store, once to each node, by their hash."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import ray
from filelock import FileLock
from numpy.typing import NDArray

from ...spec.hashing import digest_of_files

Bytes: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class Parcel:
    """A file, or the files of a folder; ``contents`` are Ray's references to their bytes, by path in the folder.

    The hash is of these bytes and of all names, also of the folder's own.
    """

    name: str
    hash: str
    contents: Mapping[str, Any]
    is_file: bool


def pack(path: Path) -> Parcel:
    """Put a file, or the visible files of a folder, into the object store."""
    folder, files = (path.parent, [path]) if path.is_file() else (path, list(_visible(path)))
    contents = {file.relative_to(folder).as_posix(): ray.put(content_of(file)) for file in files}
    return Parcel(path.name, digest_of_files(path.parent, files), contents, path.is_file())


def unpack(parcel: Parcel, folder: Path) -> Path:
    """The file or folder, as the first process of this node that needed it wrote it below ``folder``."""
    place = folder / parcel.hash
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{parcel.hash}.lock"):
        if not place.exists():
            part = place.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            contents = {name: ray.get(content) for name, content in parcel.contents.items()}
            write(contents, part if parcel.is_file else part / parcel.name)
            part.rename(place)
    return place / parcel.name


def read(folder: Path) -> dict[str, Bytes]:
    """The contents of all files of a folder, by path."""
    return {path.relative_to(folder).as_posix(): content_of(path) for path in folder.rglob("*") if path.is_file()}


def write(contents: Mapping[str, Bytes], folder: Path) -> None:
    """Write files into a new folder."""
    folder.mkdir(parents=True)
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.data)


def content_of(path: Path) -> Bytes:
    """The bytes of a file, which are read when they are needed."""
    return np.asarray(np.memmap(path, np.uint8, "r")) if path.stat().st_size else np.empty(0, np.uint8)


def _visible(folder: Path) -> Iterator[Path]:
    """The files of a folder and below it, in order, without those of version control and downloads."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
