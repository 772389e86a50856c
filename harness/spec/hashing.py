"""The hashes of data, weights, settings and sources: always the first twelve hex digits of SHA-256."""

import hashlib
import json
from collections.abc import Iterable
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


def digest_json(value: Any) -> str:
    """The hash of a value as JSON; the order of keys makes no difference."""
    return digest(json.dumps(value, sort_keys=True).encode())
