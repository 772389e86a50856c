"""How much of the test data a model has seen in training."""

from collections.abc import Sequence

import numpy as np
from rapidfuzz import fuzz, process

from ..spec.preflight import Leakage

NEAR_DUPLICATE_PERCENT = 90.0  # normalised Indel similarity in percent, above which two sources are near duplicates
MAX_PAIRS = 1 << 26  # that are compared at once, each for a byte of memory


def measure(training: Sequence[str], test: Sequence[str], *, pairs: int = MAX_PAIRS) -> Leakage:
    """Count exact and near duplicates of test sources among the training sources, at most ``pairs`` pairs at once."""
    known, asked = list(dict.fromkeys(training)), list(dict.fromkeys(test))
    seen = set(known)
    fresh = unlike = [source for source in asked if source not in seen]
    size = max(1, pairs // max(1, len(fresh)))
    for start in range(0, len(known), size):
        unlike = _unlike(unlike, known[start : start + size])
    return Leakage(test=len(asked), exact=len(asked) - len(fresh), near=len(fresh) - len(unlike))


def _unlike(sources: Sequence[str], known: Sequence[str]) -> list[str]:
    """The sources that are nearly equal to none of the known ones."""
    scores = process.cdist(
        sources, known, scorer=fuzz.ratio, score_cutoff=NEAR_DUPLICATE_PERCENT, dtype=np.uint8, workers=-1
    )
    alike = np.asarray(scores.any(axis=1))
    return [source for source, near in zip(sources, alike, strict=True) if not near]
