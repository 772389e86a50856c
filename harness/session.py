"""One session of ``pytest --benchmark``: plan, execute, keep, judge, and write the leaderboard."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import leaderboard, plan
from harness.executor import Executor, cores
from harness.leaderboard import ZERO_SHOT, Entry, Row
from harness.metrics import BY_NAME, RANKED_BY, ROUGE
from harness.record import Prediction, Record, RunSpec, Status
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

    def __init__(self, suite: Suite, plugins: dict[str, Plugin], root: Path, device: str | None):
        self.suite = suite
        self.runs = plan.runs(suite, plugins)
        self.store = Store(root, suite.name)
        self._plugins = plugins
        self._device = device
        self._done: dict[str, Record] = {}

    @property
    def ran(self) -> bool:
        """Whether any run was executed."""
        return bool(self._done)

    def start(self) -> None:
        """Raise the ``UsageError`` that the suite's model, data or results folder would cause later."""
        self.store.prepare()
        self._executor.check(self._order(self.runs[0]))

    def close(self) -> None:
        """End the executor and whatever still runs in it."""
        if "_executor" in self.__dict__:
            self._executor.close()

    def execute(self, run: RunSpec) -> Record:
        """Do a run and keep it; ``CLOCK`` advances by its training seconds."""
        outcome = self._executor.run(self._order(run))
        record = self._compared(outcome.record, outcome.predictions)
        self.store.write_run(record, outcome.predictions)
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
        return [problem for problem in (self._over_budget(record), self._below_floor(record)) if problem]

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
        return Executor()

    @cached_property
    def _zero_shot(self) -> Record | None:
        """Zero-shot's first run, done now if this session has not done it."""
        run = next((run for run in self.runs if run.method == ZERO_SHOT), None)
        return None if run is None else self._done.get(run.name) or self.execute(run)

    def _order(self, run: RunSpec) -> "Order":
        from harness.runner import Order  # torch: only when something runs

        return Order(run, self._plugins[run.method], self._device, threads=cores())

    def _compared(self, record: Record, predictions: tuple[Prediction, ...]) -> Record:
        """The record, ``no_op`` if a trained method says just what zero-shot says."""
        return record

    def _over_budget(self, record: Record) -> str | None:
        used = {"examples": record.cost.examples, "steps": record.cost.steps, "tokens": record.cost.tokens}
        for unit, limit in self.suite.budget.limits().items():
            if used.get(unit, 0) > limit:
                return f"{record.spec.name}: used {used[unit]:,} {unit} of {limit:,}; train() must only use its batches"
        return None

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


def _describe(record: Record) -> str:
    error = record.error
    lines = [f"{record.spec.name}: {record.status}"]
    if error:
        lines = [f"{record.spec.name}: {record.status}: {error.type}: {error.message}"]
        lines += [f"To do: {error.remedy}"] if error.remedy else []
        lines += [error.traceback] if error.traceback else []
    return "\n".join(lines)
