"""Reads files of schema 1, in which every score was ROUGE's and every example a dialogue."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

SCHEMA: Final = 1
TOKENIZER_OPTION, DEFAULT_TOKENIZER = "rouge_tokenizer", "rouge_score"
TITLES = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum"}
TOKENIZER_LEGENDS = {
    DEFAULT_TOKENIZER: "Porter stemmer",
    "words": "over Unicode words, and characters of scripts without spaces",
    "characters": "over characters",
}
PROVENANCE_FIELDS = (
    *("hyperparameters", "bound", "data_hash", "data_revision", "rows_skipped", "model_revision"),
    *("generation", "date"),
)

Values = dict[str, Any]  # a JSON object
Stored = TypeVar("Stored", bound=BaseModel)


def read(model: type[Stored], content: bytes, migrate: Callable[[Values], Values | None]) -> Stored:
    """Content of any schema as today's ``model``; raises ``ValidationError`` for other content.

    ``migrate`` is the function below for this kind of content.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError:
        if (values := _migrated(content, migrate)) is None:
            raise
    return model.model_validate_json(json.dumps(values))


def record(old: Values) -> Values | None:
    """A run's record in today's schema; ``None`` if it is not of schema 1."""
    if old.pop("schema") != SCHEMA:
        return None
    scores = old.pop("scores", None) or {}
    best = scores.pop("best", None)
    outputs = {"lengths": old.pop("lengths", {}), "weights_hash": old.pop("weights_hash", None)}
    return {
        "schema": SCHEMA + 1,
        "metrics": metrics(old.pop(TOKENIZER_OPTION, DEFAULT_TOKENIZER)),
        "scores": scores or None,
        "best_scores": best or None,
        "outputs": outputs,
        "cost": {**old.pop("cost", {}), "contended": old.pop("contended", False)},
        "provenance": {name: old.pop(name) for name in PROVENANCE_FIELDS if name in old},
        **old,
    }


def prediction(old: Values) -> Values | None:
    """A line of a predictions file."""
    return {"source": old.pop("dialogue"), **old}


def search(old: Values) -> Values | None:
    """A search, which did not record how ROUGE read the validation rows."""
    if old.pop("schema") != SCHEMA:
        return None
    return {
        "schema": SCHEMA + 1,
        "metric": {"id": "rouge1", "title": TITLES["rouge1"], "library": "rouge_score"},
        **old,
    }


def baseline(old: Values) -> Values | None:
    """The content of a baseline's JSON file."""
    if old.pop("schema") != SCHEMA:
        return None
    return {"schema": SCHEMA + 1, **old, "rows": {name: _row(row) for name, row in old["rows"].items()}}


def metrics(tokenizer: str) -> list[Values]:
    """The descriptions of the metrics of schema 1, as this tokenizer reads texts."""
    legend = f"ROUGE in points (F1 × 100, {TOKENIZER_LEGENDS[tokenizer]})"
    shared = {"library": "rouge_score", "legend": legend, "options": {TOKENIZER_OPTION: tokenizer}}
    return [{"id": name, "title": title, **shared} for name, title in TITLES.items()]


def _row(old: Mapping[str, Any]) -> Values:
    key = dict(old["key"])
    tokenizer = key.pop(TOKENIZER_OPTION, DEFAULT_TOKENIZER)
    return {
        **old,
        "key": {**key, "metrics": list(TITLES), "metric_options": {TOKENIZER_OPTION: tokenizer}},
        "metrics": metrics(tokenizer),
    }


def _migrated(content: bytes, migrate: Callable[[Values], Values | None]) -> Values | None:
    try:
        return migrate(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
