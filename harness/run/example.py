"""One training example as it is trained: token by token, with what counts for the loss."""

from typing import Any

from ..models.family import Encoded
from ..spec.preflight import TrainingExample


def shown(tokenizer: Any, row: Encoded) -> TrainingExample:
    """The tokens of a training row, as texts."""
    ids = [*row.source.tolist(), *row.target.tolist()]
    tokens = tuple(tokenizer.decode([each]) for each in ids)
    return TrainingExample(ids=tuple(ids), tokens=tokens, prompt=len(row.source))
