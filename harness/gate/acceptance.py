"""Accepting a session's rows into the baseline of later sessions, and what that changes."""

from collections.abc import Mapping

from ..spec.figures import changes, megabytes
from ..spec.metric import Metric
from .baseline import MEMORY_TOLERANCE, Baseline, BaselineRow, Measured, unfit

MORE_DIGITS = 1  # than in the leaderboard, because an accepted change may be small

Refused = Mapping[str, str]  # by row, why the session does not accept it


def merged(old: Baseline | None, new: Baseline, refused: Refused | None = None) -> Baseline:
    """The old baseline with those rows of the new one that differ and may replace the old; rows are replaced whole."""
    before, known = old.rows if old else {}, refused or {}
    accepted = {name: row for name, row in new.rows.items() if _replaces(before.get(name), row, known.get(name))}
    return Baseline(new.suite, new.fingerprint, {**before, **accepted})


def updates(old: Baseline | None, new: Baseline, refused: Refused | None = None) -> list[str]:
    """What ``merged`` does to each row, old → new, one line each."""
    before, known = old.rows if old else {}, refused or {}
    lines = [f"{name}: {_update(before.get(name), row, known.get(name))}" for name, row in new.rows.items()]
    return lines + [f"{name}: kept as it was: it did not run" for name in before if name not in new.rows]


def _replaces(old: Measured | None, new: Measured, refused: str | None) -> bool:
    return not _obstacle(old, new, refused) and (old is None or bool(_differences(old.row, new.row)))


def _obstacle(old: Measured | None, new: Measured, refused: str | None) -> str | None:
    """Why a row cannot be accepted; ``None`` if it can. A row with fewer seeds than the old one is weaker evidence."""
    if reason := unfit(new) or refused:
        return reason
    if not old or old.row.key != new.row.key or len(old.row.runs) <= len(new.row.runs):
        return None
    seeds = f"seeds {_listed(old.row)} → {_listed(new.row)}"
    return f"{seeds} would be weaker evidence; if that is intended, delete its row from the baseline first"


def _update(old: Measured | None, new: Measured, refused: str | None) -> str:
    if reason := _obstacle(old, new, refused):
        return f"{'kept as it was' if old else 'not accepted'}: {reason}"
    if old is None:
        means = new.row.means
        scores = [f"{metric.id} {_shown(metric, means)}" for metric in new.row.metrics]
        return ", ".join(["new", *scores])
    return ", ".join(_differences(old.row, new.row)) or "unchanged"


def _differences(old: BaselineRow, new: BaselineRow) -> list[str]:
    counts, settings = _counts(old, new), changes(old.hyperparameters, new.hyperparameters)
    seeds = [f"seeds {_listed(old)} → {_listed(new)}"] if set(old.runs) != set(new.runs) else []
    source = ["its source changed"] if old.source != new.source else []
    key = changes(old.key.model_dump(), new.key.model_dump())
    return [*_outcome(old, new), *counts, *_memory(old, new), *key, *seeds, *settings, *source]


def _outcome(old: BaselineRow, new: BaselineRow) -> list[str]:
    """The scores that changed; if none did, whether the predictions or else the weights did."""
    before, after = old.means, new.means
    moved = [metric for metric in new.metrics if after.get(metric.id) != before.get(metric.id)]
    if moved:
        return [f"{one.id} {_shown(one, before)} → {_shown(one, after)}" for one in moved]
    hashed = {"predictions_hash": "different predictions", "weights_hash": "different weights"}
    return [text for name, text in hashed.items() if _hashes(old, new, name) != _hashes(new, old, name)][:1]


def _shown(metric: Metric, means: Mapping[str, float]) -> str:
    return metric.shown(means.get(metric.id), metric.digits + MORE_DIGITS)


def _hashes(one: BaselineRow, other: BaselineRow, name: str) -> Mapping[int, str | None]:
    """The hashes of the seeds that both rows have."""
    return {seed: getattr(run, name) for seed, run in one.runs.items() if seed in other.runs}


def _counts(old: BaselineRow, new: BaselineRow) -> list[str]:
    """The counts that changed, as the first common seed shows them."""
    seed = min(set(old.runs) & set(new.runs), default=None)
    if seed is None:
        return []
    return changes(old.runs[seed].counts.model_dump(), new.runs[seed].counts.model_dump())


def _memory(old: BaselineRow, new: BaselineRow) -> list[str]:
    """The peaks that changed by more than the usual variation."""
    peaks = {
        name: (old.peak(name, old.runs), new.peak(name, new.runs)) for name in ("peak_gpu_bytes", "peak_rss_bytes")
    }
    return [f"{name} {megabytes(*both)}" for name, both in peaks.items() if _moved(*both)]


def _moved(then: int | None, now: int | None) -> bool:
    return abs(now - then) > MEMORY_TOLERANCE * then if then and now else then != now


def _listed(row: BaselineRow) -> str:
    return ", ".join(map(str, sorted(row.runs)))
