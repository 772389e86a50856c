"""Reads the files of a suite's runs and searches, of any schema, and produces their content.

Reading raises ``StoreError``, which names the file, for one that cannot be read.
"""

import gc
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load

from ..spec.errors import StoreError
from ..spec.record import SCHEMA, Prediction, Record
from ..spec.search import Search
from . import schema1
from .on_disk import foreign, read


@contextmanager
def without_collections() -> Iterator[None]:
    """Turn garbage collection off: among thousands of records that all stay, it takes longer than reading them."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def scores(path: str) -> dict[str, NDArray[np.float64]]:
    """The scores of a run by metric, one value per scored test row; empty if there is no such file."""
    try:
        return load(read(path))
    except FileNotFoundError:
        return {}
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); delete it and run the method again") from error


def scores_of(predictions: Sequence[Prediction]) -> dict[str, NDArray[np.float64]]:
    """The same scores, from a run's predictions."""
    if not predictions:
        return {}
    scored = [prediction for prediction in predictions if prediction.scored]
    return {name: np.array([each.scores[name] for each in scored]) for name in predictions[0].scores}


def predictions(path: Path, most: int | None = None) -> list[Prediction]:
    """The predictions of a run, in order: all, or ``most`` of them at most."""
    try:
        lines = gzip.decompress(path.read_bytes()).splitlines()  # bytes: text splits at U+2028, too
        return [schema1.read(Prediction, line, schema1.prediction) for line in lines[:most]]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise StoreError(f"{path}: cannot be read ({error}); delete it and run the method again") from error


def lines(predictions: Iterable[Prediction]) -> bytes:
    """The content of a predictions file: one JSON object per line."""
    lines = (json.dumps(each.model_dump(mode="json"), ensure_ascii=False) for each in predictions)
    return "".join(f"{line}\n" for line in lines).encode()


def packed(lines: bytes) -> bytes:
    """Lines compressed as they are stored; the bytes depend on the lines only."""
    return gzip.compress(lines, mtime=0)


def record(path: str) -> Record:
    """A run's record."""
    try:
        return schema1.read(Record, read(path), schema1.record)
    except (OSError, ValidationError) as error:
        raise StoreError(f"{path}: {_flaw(Path(path), error)}") from error


def search(path: Path) -> Search:
    """A search."""
    try:
        return schema1.read(Search, read(path), schema1.search)
    except (OSError, ValidationError) as error:
        raise StoreError(f"{path}: {_flaw(path, error, 'search')}") from error


def _flaw(path: Path, error: Exception, kind: str = "run") -> str:
    if other := foreign(path, SCHEMA):
        return f"{other}; move it away"
    reason = error.errors()[0]["loc"] if isinstance(error, ValidationError) else error
    return f"not a {kind} record ({reason}); move it away or delete it"
