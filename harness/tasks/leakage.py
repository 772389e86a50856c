"""How much of the test data a model has seen in training."""

from collections.abc import Sequence

import numpy as np
from rapidfuzz import fuzz, process

from ..spec.record import Leakage

NEAR_DUPLICATE_PERCENT = 90.0  # normalised Indel similarity in percent, above which two sources are near duplicates


def measure(training: Sequence[str], test: Sequence[str]) -> Leakage:
    """Count exact and near duplicates of test sources among the training sources."""
    known, asked = set(training), list(dict.fromkeys(test))
    fresh = [source for source in asked if source not in known]
    alike = process.cdist(
        fresh, list(known), scorer=fuzz.ratio, score_cutoff=NEAR_DUPLICATE_PERCENT, dtype=np.uint8, workers=-1
    )
    return Leakage(test=len(asked), exact=len(asked) - len(fresh), near=int(alike.any(axis=1).sum()))
