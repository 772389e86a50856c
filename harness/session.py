"""One session of ``pytest --benchmark``: plan, execute, keep, judge, and write the leaderboard."""

from collections.abc import Iterable
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import failure, leaderboard, plan
from harness.executor import Executor, cores
from harness.leaderboard import ZERO_SHOT, Entry, Row
from harness.metrics import BY_NAME, RANKED_BY, ROUGE
from harness.record import Leakage, Outcome, Record, RunSpec, Status
from harness.registry import Plugin
from harness.report import files
from harness.store import Store
from harness.suite import Suite

if TYPE_CHECKING:
    from harness.runner import Order


class TrainClock:
    """The timer that pytest-benchmark reads: it stands still but for the training seconds of each run."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


CLOCK = TrainClock()


class Bakeoff:
    """The runs of a suite as they are asked for, one by one."""

    def __init__(self, suite: Suite, plugins: dict[str, Plugin], root: Path, device: str | None, jobs: int = 1):
        self.suite = suite
        self.runs = plan.runs(suite, plugins)
        self.store = Store(root, suite.name)
        self.leakage: Leakage | None = None
        self._plugins = plugins
        self._device = device
        self._jobs = jobs
        self._pending: dict[str, Future[Outcome]] = {}
        self._done: dict[str, Record] = {}
        self._expected: list[RunSpec] = []

    @property
    def ran(self) -> bool:
        """Whether any run was executed."""
        return bool(self._done)

    def start(self) -> None:
        """Raise the ``UsageError`` that the suite's model, data or results folder would cause later."""
        self.store.open()
        self.leakage = Leakage.model_validate_json(self._executor.check(self._order(self.runs[0])))

    def close(self) -> None:
        """End whatever still runs, and give the results folder back."""
        if "_executor" in self.__dict__:
            self._executor.close()
        self.store.close()

    def expect(self, names: Iterable[str]) -> None:
        """Tell which runs will be asked for, in order; with several jobs they begin ahead of time."""
        self._expected = [run for run in self.runs if run.name in set(names)]

    def execute(self, run: RunSpec) -> Record:
        """Do a run, or wait for it, and keep it; ``CLOCK`` advances by its training seconds."""
        ahead = self._expected if self._jobs > 1 else []
        for each in [*ahead, run]:
            if each.name not in self._pending:
                self._pending[each.name] = self._executor.submit(self._order(each))
        outcome = self._pending[run.name].result()
        record = self._judged(outcome.record, run)
        self.store.write_run(record, outcome.predictions, outcome.log)
        self._done[run.name] = record
        CLOCK.seconds += record.cost.train_seconds or 0.0
        return record

    def figures(self, record: Record) -> dict[str, Any]:
        """What other tools read: scores and costs by name."""
        scores = {metric.name: getattr(record.scores, metric.name) for metric in ROUGE} if record.scores else {}
        costs = record.cost.model_dump(mode="json", exclude={"phases"})
        return {"status": str(record.status), **scores, **costs}

    def unsupported(self, record: Record) -> str | None:
        """The reason why the method cannot attach to this base model, if that is so."""
        return record.error.message if record.status == Status.UNSUPPORTED and record.error else None

    def problems(self, record: Record) -> list[str]:
        """Why this run fails its test; each names cause and remedy."""
        if record.status != Status.OK:
            return [_describe(record)]
        below = self._below_floor(record)
        return [below] if below else []

    def rows(self) -> list[Row]:
        """The leaderboard of what there is: this session's runs, and stored ones of the same environment."""
        environments = {r.environment.fingerprint for r in self._done.values() if r.environment}
        hashes = {run.hash for run in self.runs}
        records = [
            record
            for record in self.store.read_runs()
            if record.spec.hash in hashes
            and (not environments or (record.environment and record.environment.fingerprint in environments))
        ]
        return leaderboard.rows([Entry(record, self.store.read_predictions(record.spec)) for record in records])

    def report(self) -> tuple[list[Row], list[Path]]:
        """The rows, and the files that they were written to."""
        rows = self.rows()
        samples = [
            Entry(record, self.store.read_predictions(record.spec)[: self.suite.evaluation.samples])
            for record in self.store.read_runs()
            if record.spec.hash in {run.hash for run in self.runs} and record.spec.seed == self.suite.run.seeds[0]
        ]
        return rows, files.write(self.store, self.suite, rows, samples)

    @cached_property
    def _executor(self) -> Executor:
        return Executor(self.store.scratch, self._jobs)

    @cached_property
    def _zero_shot(self) -> Record | None:
        """Zero-shot's first run, done now if this session has not done it."""
        run = next((run for run in self.runs if run.method == ZERO_SHOT), None)
        return None if run is None else self._done.get(run.name) or self.execute(run)

    def _order(self, run: RunSpec) -> "Order":
        from harness.runner import Order  # torch: only when something runs

        return Order(run, self._plugins[run.method], self._device, threads=cores())

    def _judged(self, record: Record, run: RunSpec) -> Record:
        """The record with what only the session knows: whether the run learned anything and kept its budget."""
        contended = {"contended": self._jobs > 1}
        if record.status != Status.OK or not record.cost.trainable_parameters:
            return record.model_copy(update=contended)
        zero_shot = self._zero_shot
        same = zero_shot is not None and zero_shot.predictions_hash == record.predictions_hash
        checks = record.checks.model_copy(update={"same_as_zero_shot": same if zero_shot else None})
        judged = record.model_copy(update={**contended, "checks": checks})
        if verdict := budget_overrun(record) or no_op(judged):
            status, message = verdict
            return judged.model_copy(update={"status": status, "error": failure.because(status, message)})
        return judged

    def _below_floor(self, record: Record) -> str | None:
        zero_shot = self._zero_shot
        if not record.cost.trainable_parameters or zero_shot is None or not (zero_shot.scores and record.scores):
            return None
        name = RANKED_BY.name
        gain = 100 * (getattr(record.scores, name) - getattr(zero_shot.scores, name))
        floor = self.suite.evaluation.floor
        if gain >= floor:
            return None
        return (
            f"{record.spec.name}: {BY_NAME[name].title} is {gain:+.1f} points from zero-shot's, the suite's floor is "
            f"{floor:+.1f}; tune its learning_rate in [methods.{record.spec.method}], or lower evaluation.floor"
        )


def no_op(record: Record) -> tuple[Status, str] | None:
    """Whether a trained method changed nothing: its weights, or any of its answers."""
    if record.checks.largest_change == 0.0:
        return Status.NO_OP, "no trainable weight moved"
    if record.checks.same_as_zero_shot:
        return Status.NO_OP, "every answer is the same as zero-shot's"
    return None


def budget_overrun(record: Record) -> tuple[Status, str] | None:
    """Whether training took more than its budget gave."""
    cost, limits = record.cost, record.spec.budget.limits()
    if cost.optimizer_steps > cost.steps:
        return Status.OVER_BUDGET, f"made {cost.optimizer_steps:,} optimiser steps on {cost.steps:,} batches"
    slack = max(1.0, 2 * (cost.step_seconds_p90 or 0.0))
    seconds = limits.get("seconds")
    if seconds is not None and (cost.train_seconds or 0.0) > 1.05 * seconds + slack:
        return Status.OVER_BUDGET, f"trained for {cost.train_seconds:.1f} s of {seconds:g} s"
    return None


def _describe(record: Record) -> str:
    error = record.error
    lines = [f"{record.spec.name}: {record.status}"]
    if error:
        lines = [f"{record.spec.name}: {record.status}: {error.type}: {error.message}"]
        lines += [f"To do: {error.remedy}"] if error.remedy else []
        lines += [error.traceback] if error.traceback else []
    return "\n".join(lines)
