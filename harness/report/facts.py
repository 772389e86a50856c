"""What was tested, on what, and how long: short facts below the answer."""

from collections.abc import Iterator, Sequence

from ..ranking.leaderboard import Row
from ..spec.record import Record
from .contents import base_parameters
from .notes import Notes
from .readable import readable

FAMILIES = {"seq2seq": "encoder-decoder", "causal": "decoder only"}


def facts(
    records: Sequence[Record], rows: Sequence[Row], notes: Notes, seeds: int, examples: int
) -> list[tuple[str, str]]:
    """The facts by title; ``seeds`` is the number of seeds per method, and ``examples`` that of test examples."""
    if not records:
        return []
    return [*_input(records, rows), ("Seeds", f"{seeds}"), ("Test examples", f"{examples:,}"), *_last(notes)]


def methods(rows: Sequence[Row]) -> str:
    """How many methods there are, by what can be expected of them."""
    ranked = [row for row in rows if row.rank is not None]
    untrained = sum(row.costs["trainable_parameters"] == 0 for row in ranked)
    bounds = sum(row.bound for row in rows)
    counts = {
        "trained": len(ranked) - untrained,
        "not trained": untrained,
        "bound" if bounds == 1 else "bounds": bounds,
        "without a rank": len(rows) - len(ranked) - bounds,
    }
    return ", ".join(f"{count} {title}" for title, count in counts.items() if count)


def timing(rows: Sequence[Row]) -> str:
    """Which training times cannot be compared, in a sentence; empty if all can."""
    timed = [row for row in rows if row.costs["train_seconds"] is not None]
    doubtful = [row for row in timed if row.doubtful("train_seconds")]
    if not doubtful:
        return ""
    if len(doubtful) == len(timed):
        return "All training times here are unreliable; a note below the leaderboard says why."
    return "Training times in brackets in the leaderboard cannot be compared with the others."


def _input(records: Sequence[Record], rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    asked = records[0].spec
    yield "Task", asked.task.name
    yield "Data", asked.task.data
    yield "Base model", _model(records[0], base_parameters(rows))
    yield "Methods", methods(rows)
    limits = asked.budget.limits()
    yield "Training budget", ", ".join(f"{limit:,} {unit}" for unit, limit in limits.items())
    seen = max(record.cost.examples for record in records)
    if seen and seen != limits.get("examples"):
        yield "Training examples seen", f"{seen:,}"


def _last(notes: Notes) -> Iterator[tuple[str, str]]:
    if notes.environment:
        yield "Device", notes.environment.device_name
    if notes.date:
        yield "Last run", notes.date


def _model(record: Record, parameters: float | None) -> str:
    family = FAMILIES.get(record.spec.model.family, "")
    size = f"{readable(parameters, 'count')} parameters" if parameters else ""
    return ", ".join(filter(None, (record.spec.model.name, size, family)))
