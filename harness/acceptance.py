"""Accepting a session's rows as the past that later ones are compared with, and what that changes."""

from harness.baseline import Baseline, Measured, Row, changes, unfit


def merged(old: Baseline | None, new: Baseline) -> Baseline:
    """The old baseline with the rows of the new one that are fit to be accepted; a row is replaced as a whole."""
    accepted = {name: row for name, row in new.rows.items() if not unfit(row)}
    return Baseline(new.suite, new.fingerprint, {**(old.rows if old else {}), **accepted})


def updates(old: Baseline | None, new: Baseline) -> list[str]:
    """What ``merged`` does to each row, old → new, one line each."""
    before = old.rows if old else {}
    lines = [f"{name}: {_update(before.get(name), row)}" for name, row in new.rows.items()]
    return lines + [f"{name}: kept, it did not run" for name in before if name not in new.rows]


def _update(old: Measured | None, new: Measured) -> str:
    if reason := unfit(new):
        return f"{'kept as it was' if old else 'not accepted'}: {reason}"
    if old is None:
        return ", ".join(["new", *(f"{name} {_show(value)}" for name, value in new.row.means.items())])
    return ", ".join(_differences(old.row, new.row)) or "unchanged"


def _differences(old: Row, new: Row) -> list[str]:
    counts, settings, scores = _counts(old, new), changes(old.hyperparameters, new.hyperparameters), _scores(old, new)
    seeds = [f"seeds {_listed(old)} → {_listed(new)}"] if set(old.runs) != set(new.runs) else []
    predictions = ["other predictions"] if not scores and _predictions(old) != _predictions(new) else []
    source = ["its source changed"] if old.source != new.source else []
    key = changes(old.key.model_dump(), new.key.model_dump())
    return [*scores, *predictions, *counts, *key, *seeds, *settings, *source]


def _scores(old: Row, new: Row) -> list[str]:
    before, after = old.means, new.means
    moved = [name for name in after if after[name] != before.get(name)]
    return [f"{name} {_show(before.get(name))} → {_show(after[name])}" for name in moved]


def _counts(old: Row, new: Row) -> list[str]:
    """The counts that moved; those of the first seed stand for the others."""
    seed = min(set(old.runs) & set(new.runs), default=None)
    if seed is None:
        return []
    return changes(old.runs[seed].counts.model_dump(), new.runs[seed].counts.model_dump())


def _predictions(row: Row) -> dict[int, str | None]:
    return {seed: run.predictions_hash for seed, run in row.runs.items()}


def _listed(row: Row) -> str:
    return ", ".join(map(str, sorted(row.runs)))


def _show(value: float | None) -> str:
    """Points with a decimal more than in the leaderboard: what is accepted may be a small move."""
    return "–" if value is None else f"{100 * value:.2f}"
