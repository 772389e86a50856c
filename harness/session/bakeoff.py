"""One session of ``pytest --benchmark``: executes runs as pytest requests them, and shows the results at the end."""

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..execute import executors, machine
from ..execute.executor import Executor
from ..report import lines, tables
from ..report.tables import Tables
from ..spec.plan import Order, Request
from ..spec.preflight import Preflight
from ..spec.record import Environment, Record, RunOutcome, RunSpec
from ..spec.suite import ModelTable
from ..store.results import Store
from . import checks, judge
from .clock import CLOCK
from .footprints import Footprints
from .keeper import Keeper
from .ledger import Ledger
from .queue import Queue
from .resume import Decision
from .searches import Searches


@dataclass(frozen=True)
class Selection:
    """The selected searches, runs and gate rows of a session, by name and in order."""

    searches: Sequence[str] = ()
    runs: Sequence[str] = ()
    rows: Sequence[str] = ()


def begin(request: Request, selection: Selection) -> "Bakeoff":
    """Check the request and return the session, ready for its first run.

    Raises the ``UsageError`` that the suite's methods, model, data or results folder would cause later.
    """
    checks.paths(request.suite)
    checks.micro_batches(request)
    store = Store(request.results, request.suite.name, request.published)
    with ExitStack() as undone:
        store.open()
        undone.callback(store.close)
        stored = store.read_runs()
        checks.data(request)
        executor = executors.of(request, store.scratch)
        undone.callback(executor.close)
        checks.hyperparameters(executor, request)
        here = executor.check(order(request, store, request.zero_shot, request.suite.model)).result()
        store.write_preflight(here)
        session = Bakeoff(request, store, executor, here, stored, selection)
        session.footprints.prepare(_methods(request, selection))
        undone.pop_all()
        return session


class Bakeoff:
    """The runs of a request after its checks: zero-shot is executed first, and each method's search before its runs.

    ``here`` is the result of the checks; ``stored`` are the runs of earlier sessions.
    """

    def __init__(
        self,
        request: Request,
        store: Store,
        executor: Executor,
        here: Preflight,
        stored: Sequence[Record],
        selection: Selection,
    ):
        self.request = request
        self.suite = request.suite
        self.store = store
        self.searches = Searches(request, store, here, self._submit_trial, selection.searches)
        selected = {run.hash for run in self.runs if run.name in selection.runs}
        self.keeper = Keeper(request.suite.run.keep, store, [each for each in stored if each.spec.hash in selected])
        self.ledger = Ledger(store, here, stored, request.zero_shot, self.keeper)
        self._here = here
        self._executor = executor
        self._model = checks.exactly(request.suite.model, here.model_revision)
        self.footprints = Footprints(request, store, here, lambda run: executor.measure(self._whole(run)))
        self._queue = Queue(lambda run: executor.submit(self._order(run)), request.zero_shot.name)
        self._asked = [run.name for run in request.runs if run.name in selection.runs]

    @property
    def runs(self) -> list[RunSpec]:
        """All runs of the suite, with the learning rates that have been found so far."""
        return [self.searches.tuned(run) for run in self.request.runs]

    @property
    def ran(self) -> bool:
        """Whether there is a run to show."""
        return bool(self.ledger.done)

    @property
    def asked(self) -> list[Record]:
        """The selected runs that are done, including reused ones."""
        return [self.ledger.done[name] for name in self._asked if name in self.ledger.done]

    @property
    def decisions(self) -> Sequence[Decision]:
        """Which stored runs are reused, and why the others are not."""
        return self.ledger.decisions

    @property
    def disturbed(self) -> list[float]:
        """For each run that other programs disturbed, the share of its time that it spent waiting for a processor."""
        if self.request.parallel:
            return []
        return [share for record in self.asked if (share := judge.disturbed(record)) is not None]

    @property
    def environments(self) -> Sequence[Environment]:
        """The machines and libraries that this session's runs may use."""
        return self._here.environment, *self._here.elsewhere

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about how the model and the data were read, one line each."""
        return self._here.notices

    def examine(self, request: Request) -> None:
        """Raise ``PluginError`` for unusable hyper-parameters of the request's methods."""
        checks.hyperparameters(self._executor, request)

    def execute(self, name: str) -> Record:
        """Execute the run of that name, or wait for it, and store it; ``CLOCK`` advances by its training seconds."""
        record = self.finish(next(run for run in self.request.runs if run.name == name))
        CLOCK.seconds += record.cost.train_seconds or 0.0
        return record

    def finish(self, run: RunSpec) -> Record:
        """Execute the run, or wait for it, and store it; the search of its method comes first."""
        if run.name not in self._asked:
            self._asked.append(run.name)
        ahead = [each for each in self.request.runs if each.name in self._asked] if self.request.parallel else []
        wanted = {each.name: each for each in [*ahead, run]}.values()
        for method in dict.fromkeys(each.method for each in wanted):
            if method in self.request.searched:
                self.searches.finish(method)
        for each in [self.request.zero_shot, *wanted]:
            self._begin(self.searches.tuned(each))
        while run.name not in self.ledger.done:
            self._queue.wait()
            self._keep_ended()
        return self.ledger.done[run.name]

    def repeat(self, run: RunSpec) -> Record:
        """Execute a run even if it has already been executed; the request need not name it."""
        self.ledger.done.pop(run.name, None)
        return self.finish(run)

    def figures(self, record: Record) -> dict[str, Any]:
        """The figures that other tools read: scores and costs by name, and whether the run was reused."""
        costs = record.cost.model_dump(mode="json", exclude={"phases", "contended"})
        return {
            "status": str(record.status),
            "reused": record.spec.name in self.ledger.reused,
            "contended": record.cost.contended,
            **(record.scores or {}),
            **costs,
        }

    def problems(self, record: Record) -> list[str]:
        """Why this run fails its test; each problem names cause, remedy and log."""
        return self.ledger.problems(record, self.suite.evaluation.floor)

    def line_of_run(self, name: str) -> tuple[str, bool]:
        """A line on a run that has ended, and whether its test fails; empty if it did not run."""
        record = self.ledger.done.get(name)
        if record is None:
            return "", False
        failed = judge.unsupported(record) is None and bool(self.problems(record))
        return lines.of_run(record, reused=name in self.ledger.reused), failed

    def line_of_search(self, method: str) -> tuple[str, bool]:
        """A line on a search that has ended, and whether its test fails."""
        found = self.searches.done(method)
        if found is None or found.unsupported:
            return "", False
        return lines.of_search(found), self.searches.problem(found) is not None

    def keep(self) -> list[str]:
        """Keep the best run's model only, if the suite says so and the selected runs are done; return what to tell."""
        finished = all(name in self.ledger.done for name in self._asked)
        self.ledger.drop(self.keeper.surplus(self.asked, finished=True) if finished else ())
        return self.keeper.lines(self.asked, finished=finished)

    def tables(self) -> Tables:
        """The leaderboard of this session's runs and of the stored runs that can be compared with them."""
        hashes = {run.hash for run in self.runs}
        stored = [record for record in self.store.read_runs() if record.spec.hash in hashes]
        shown = [record for record in stored if self.ledger.comparable(record)]
        names = {record.spec.name for record in shown}
        fresh = self.ledger.done.keys() - self.ledger.reused
        found = tables.entries(self.store, shown, earlier=names - fresh)
        left_out = [record.spec.name for record in stored if record.spec.name not in names]
        return tables.tables(self.store, self.suite.run.seeds, found, self._here.leakage, left_out)

    def write(self, shown: Tables) -> list[Path]:
        """Write the files of the leaderboard; raises ``StoreError`` if they cannot be written."""
        return tables.write(self.store, self.suite, shown)

    def stop(self) -> None:
        """End all runs that are under way; finished ones are stored."""
        try:
            self.searches.stop()
            self._keep_ended()
        finally:
            self._queue.clear()
            self._executor.close()

    def close(self) -> None:
        """Stop, and release the results folder."""
        self.stop()
        self.store.close()

    def _begin(self, run: RunSpec) -> None:
        """Pass a run to the executor, unless it is done or under way, or a stored one can be reused."""
        if run.name in self.ledger.done or run.name in self._queue:
            return
        reusable = self.request.resumes or run.name not in self._asked
        if not (reusable and self.ledger.reuse(run)):
            self._queue.add(run)

    def _keep_ended(self) -> None:
        for run, outcome in self._queue.ended():
            self.ledger.keep(run, outcome.predicted(self.footprints.predicted(run.method)))

    def _submit_trial(self, run: RunSpec, multiplier: float) -> Future[RunOutcome]:
        asked = self._order(run)
        return self._executor.submit(replace(asked, task=asked.validation, multiplier=multiplier, keep=None))

    def _order(self, run: RunSpec) -> Order:
        fitting = self.footprints.fitting(run)
        return replace(self._whole(run), keep=self.keeper.place(run), fitting=fitting)

    def _whole(self, run: RunSpec) -> Order:
        """The order of a run whose model sees whole batches, and is not kept."""
        return order(self.request, self.store, run, self._model)


def _methods(request: Request, selection: Selection) -> list[str]:
    """The methods of the selected searches and runs, in order."""
    chosen = (run.method for run in request.runs if run.name in selection.runs or run.method in selection.searches)
    return list(dict.fromkeys(chosen))


def order(request: Request, store: Store, run: RunSpec, model: ModelTable) -> Order:
    """The order for the process of a run; ``model`` is the suite's, or exactly the one that was checked."""
    task, search = (store.scratch / "task").absolute(), request.suite.search
    no_gpu = request.suite.run.gpus == 0
    return Order(
        spec=run,
        plugin=request.plugins[run.method],
        model=model,
        task=task,
        device=request.device or ("cpu" if no_gpu else None),  # on a Mac, a GPU cannot be hidden
        threads=request.threads or machine.cores(),
        search=search,
        metrics=checks.own_metrics(request),
        gpus=() if no_gpu else None,
        room=machine.memory(),
    )
