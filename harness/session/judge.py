"""Judging a run: whether it learned, kept to its budget and beat zero-shot."""

from ..spec import failure, task_files
from ..spec.metric import Needs
from ..spec.record import Phase, Record, Status

TIMED_PHASES = ("train", "generate")  # the phases whose seconds are shown
MAX_WAITED_SHARE = 0.1  # a phase that waits for a processor for this share of its seconds or more counts as disturbed
MAX_ROUNDING = 1e-9  # points; 100 * (0.41 - 0.2) is slightly less than 21
MIN_WAITED_SECONDS = 0.1  # seconds of waiting; less may be the system's own work


def judged(record: Record, zero_shot: Record) -> Record:
    """The record, with another status if a method that trains learned nothing or exceeded its budget."""
    if record.status != Status.OK or not record.cost.trainable_parameters:
        return record
    same = _answers(zero_shot) == _answers(record) if zero_shot.predictions_hash else None
    record = record.model_copy(update={"checks": record.checks.model_copy(update={"same_as_zero_shot": same})})
    if verdict := budget_overrun(record) or no_op(record):
        status, message = verdict
        return record.ended(status, failure.because(status, message))
    return record


def no_op(record: Record) -> tuple[Status, str] | None:
    """The status and message of a method whose training changed no weight or no answer; ``None`` for others.

    Labels are too few for that: a method that has learned may well give the same ones as zero-shot.
    """
    if record.checks.largest_change == 0.0:
        return Status.NO_OP, "no trainable weight changed"
    told_apart = not task_files.completed(record.spec.task).labelled or _likely(record)
    if record.checks.same_as_zero_shot and told_apart:
        return Status.NO_OP, "every answer is the same as zero-shot's"
    return None


def budget_overrun(record: Record) -> tuple[Status, str] | None:
    """The status and message of a run whose training exceeded its budget; ``None`` for others."""
    cost, limits = record.cost, record.spec.budget.limits()
    if cost.optimizer_steps > cost.steps:
        return Status.OVER_BUDGET, f"made {cost.optimizer_steps:,} optimiser steps on {cost.steps:,} batches"
    slack = max(1.0, 2 * (cost.step_seconds_p90 or 0.0))
    seconds = limits.get("seconds")
    if seconds is not None and (cost.train_seconds or 0.0) > 1.05 * seconds + slack:
        return Status.OVER_BUDGET, f"trained for {cost.train_seconds:.1f} s on a budget of {seconds:g} s"
    return None


def disturbed(record: Record) -> float | None:
    """The share of a phase's seconds spent waiting for a processor; ``None`` if too small to affect the time."""
    phases = [phase for name, phase in record.cost.phases.items() if name in TIMED_PHASES]
    return max((share for phase in phases if (share := _waited(phase)) is not None), default=None)


def contended(record: Record) -> bool:
    """Whether other runs or programs make the times of a run unreliable."""
    return record.cost.contended or disturbed(record) is not None


def problems(record: Record, zero_shot: Record, floor: float) -> list[str]:
    """Why this run fails its test; each problem names cause and remedy."""
    if record.status != Status.OK:
        return [described(record)]
    below = below_floor(record, zero_shot, floor)
    return [below] if below else []


def unsupported(record: Record) -> str | None:
    """Why the method cannot attach to this base model; ``None`` if it can."""
    return record.error.message if record.status == Status.UNSUPPORTED and record.error else None


def described(record: Record) -> str:
    """Why a run is not ``ok``, then what to do, and where it happened."""
    error = record.error
    if error is None:
        return str(record.status)
    lines = [f"{record.status}: {error.cause}"]
    lines += [f"To do: {error.remedy}"] if error.remedy else []
    return "\n".join([*lines, error.traceback] if error.traceback else lines)


def below_floor(record: Record, zero_shot: Record, floor: float) -> str | None:
    """The message if a trained method gains less than ``floor`` points over zero-shot in the ranking metric.

    ``spec.metric.Metric`` says what a point is.
    """
    if not record.cost.trainable_parameters or record.score is None or zero_shot.score is None:
        return None
    metric = record.metrics[0]
    gain = metric.gain(record.score, zero_shot.score)
    if gain > floor - MAX_ROUNDING:
        return None
    difference, required = metric.sign * gain, metric.sign * floor
    bound = "at least" if metric.sign > 0 else "at most"
    return (
        f"{metric.title} differs from zero-shot's by {metric.worded(f'{difference:+.1f}')}, "
        f"but the suite requires {bound} {required:+.1f}{'%' if metric.relative else ''}; "
        f"tune learning_rate in [methods.{record.spec.method}], or lower evaluation.floor"
    )


def _answers(record: Record) -> tuple[str | None, list[float]]:
    """A run's answers, and what else it may say about the references: how likely they are."""
    return record.predictions_hash, _likely(record)


def _likely(record: Record) -> list[float]:
    """How likely the references are, by each metric that says so."""
    names = [metric.id for metric in record.metrics if metric.needs == Needs.LIKELIHOODS]
    return [record.scores[name] for name in names] if record.scores else []


def _waited(phase: Phase) -> float | None:
    waited = phase.waited_seconds or 0.0
    return waited / phase.seconds if waited >= max(MIN_WAITED_SECONDS, MAX_WAITED_SHARE * phase.seconds) else None
