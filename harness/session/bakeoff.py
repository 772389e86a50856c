"""One session of ``pytest --benchmark``: plan, execute, keep, judge, and write the leaderboard."""

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..execute.local import IMPORT_SECONDS, Executor, cores
from ..ranking import leaderboard
from ..ranking.leaderboard import Entry, Row
from ..report import notes
from ..report.notes import Notes
from ..spec import plan
from ..spec.errors import PluginError, StoreError
from ..spec.paths import shown
from ..spec.plan import Order
from ..spec.record import Environment, Leakage, Prediction, Preflight, Record, RunOutcome, RunSpec, Status
from ..spec.registry import Plugin
from ..spec.suite import ZERO_SHOT, Suite
from ..store.results import Store
from . import judge, resume
from .clock import CLOCK
from .completion import completed, replayed
from .inputs import check_paths, exactly
from .resume import Decision
from .searches import Searches


class Bakeoff:
    """The runs of a suite as they are asked for, one by one."""

    def __init__(
        self,
        suite: Suite,
        plugins: dict[str, Plugin],
        root: Path,
        *,
        published: Path | None = None,
        device: str | None = None,
        jobs: int = 1,
        resumes: bool = False,
    ):
        self.suite = suite
        self.runs = plan.runs(suite, plugins)
        self.store = Store(root, suite.name, published)
        self.searches = Searches(suite.search, self.runs, self.store, ahead=jobs > 1, resumes=resumes)
        self.resumes = resumes
        self.decisions: list[Decision] = []  # of the runs that were asked for, in order
        self.left_out: list[str] = []  # stored runs that the leaderboard does not show
        self._preflight: Preflight
        self._model = suite.model
        self._zero_shot = next(run for run in self.runs if run.method == ZERO_SHOT)
        self._plugins = plugins
        self._device = device
        self._jobs = jobs
        self._expected: list[str] = []
        self._stored: list[Record] = []
        self._pending: dict[str, Future[RunOutcome]] = {}
        self._done: dict[str, Record] = {}
        self._unwritten: dict[str, str] = {}  # why, by the name of the run

    @property
    def ran(self) -> bool:
        """Whether there is a run to show."""
        return bool(self._done)

    @property
    def asked(self) -> list[Record]:
        """The runs that were asked for and are done, those that stored ones stand for included."""
        return [self._done[name] for name in self._expected if name in self._done]

    @property
    def disturbed(self) -> list[float]:
        """The share of its time that each run which had to wait for a processor did so, because of other programs."""
        if self._jobs > 1:
            return []
        return [share for record in self.asked if (share := judge.disturbed(record)) is not None]

    @property
    def methods(self) -> list[str]:
        """The suite's methods, in order."""
        return list(dict.fromkeys(run.method for run in self.runs))

    @property
    def environment(self) -> Environment:
        """Where this session's runs are done."""
        return self._preflight.environment

    @property
    def notices(self) -> tuple[str, ...]:
        """What the person should know about how model and data were read, a line each."""
        return self._preflight.notices

    def start(self) -> None:
        """Raise the ``UsageError`` that the suite's methods, model, data or results folder would cause later."""
        check_paths(self.suite)
        self.store.open()
        self._stored = self.store.read_runs()
        self._examine_methods()
        self._preflight = Preflight.model_validate_json(self._executor.check(self._order(self._zero_shot)))
        self._model = exactly(self.suite.model, self._preflight.model_revision)
        self.searches.start(self._preflight, self._submit_trial)
        self._tune()

    def replay(self, records: Sequence[Record], leakage: Leakage) -> None:
        """Take stored runs for this session's, wherever they were done, so that ``report()`` is theirs."""
        self._preflight = replayed(records[0], leakage)
        self._done = {record.spec.name: record for record in records}
        self.runs = [record.spec for record in records]

    def stop(self) -> None:
        """End whatever still runs; what has finished is kept."""
        if "_executor" not in self.__dict__:
            return
        try:
            self.searches.stop()
            self._keep_finished()
        finally:
            self._pending.clear()  # what is ended now must not be taken for a crash
            self._executor.close()

    def close(self) -> None:
        """Stop, and give the results folder back."""
        self.stop()
        self.store.close()

    def expect(self, names: Iterable[str]) -> None:
        """Tell which runs will be asked for, in order; with several jobs they begin ahead of time."""
        asked = set(names)
        self._expected = [run.name for run in self.runs if run.name in asked]

    def execute(self, name: str) -> Record:
        """Do the run of that name, or wait for it, and keep it; ``CLOCK`` advances by its training seconds."""
        record = self.finish(next(run for run in self.runs if run.name == name))
        CLOCK.seconds += record.cost.train_seconds or 0.0
        return record

    def finish(self, run: RunSpec) -> Record:
        """Do the run, or wait for it, and keep it; the search of its method comes first."""
        if run.name not in self._expected:
            self._expected.append(run.name)
        wanted = {*(self._expected if self._jobs > 1 else ()), run.name}
        self._search({each.method for each in self.runs if each.name in wanted})
        for each in [self._zero_shot, *self.runs]:
            if each.name in wanted or each is self._zero_shot:
                self._begin(each)
        while run.name not in self._done:
            first = self._pending.get(self._zero_shot.name)
            wait([first] if first else self._pending.values(), return_when=FIRST_COMPLETED)
            self._keep_finished()
        return self._done[run.name]

    def figures(self, record: Record) -> dict[str, Any]:
        """What other tools read: scores and costs by name, and whether the run is an earlier one's."""
        costs = record.cost.model_dump(mode="json", exclude={"phases", "contended"})
        reused = any(decision.stored and decision.run == record.spec for decision in self.decisions)
        return {
            "status": str(record.status),
            "reused": reused,
            "contended": record.cost.contended,
            **(record.scores or {}),
            **costs,
        }

    def unsupported(self, record: Record) -> str | None:
        """The reason why the method cannot attach to this base model, if that is so."""
        return record.error.message if record.status == Status.UNSUPPORTED and record.error else None

    def problems(self, record: Record) -> list[str]:
        """Why this run fails its test; each names cause, remedy and log."""
        found = judge.problems(record, self._done[self._zero_shot.name], self.suite.evaluation.floor)
        log = self.store.log(record.spec)
        found = [f"{problem}\nLog: {shown(log)}" for problem in found] if log.exists() else found
        if reason := self._unwritten.get(record.spec.name):
            found.append(f"its results are lost with this session: {reason}")
        return found

    def report(self) -> tuple[list[Row], Notes, list[Record]]:
        """The leaderboard of what there is, what must be said beside it, and the runs that both are made of.

        They are this session's, and stored ones of the same environment.
        """
        entries = self.entries()
        records = [entry.record for entry in entries]
        searches = self.searches.of(records)
        remarks = notes.of(records, self._preflight.leakage, searches)
        return leaderboard.rows(entries, searches, self.suite.run.seeds), remarks, records

    def write(self, rows: Sequence[Row], remarks: Notes, records: Sequence[Record]) -> list[Path]:
        """Write the files that hold what ``report`` gave; raises ``StoreError`` where that cannot be done."""
        seed = self.suite.run.seeds[0]
        samples = [self._shown(record) for record in records if record.spec.seed == seed]
        from ..report import files  # pandas, which listing the runs must not wait for

        return files.write(self.store, self.suite, rows, samples, remarks)

    def entries(self) -> list[Entry]:
        """This session's runs, and stored ones of the suite that they can be compared with."""
        hashes = {run.hash for run in self.runs}
        stored = [record for record in self.store.read_runs() if record.spec.hash in hashes]
        self.left_out = [record.spec.name for record in stored if not self._belongs(record)]
        reused = {decision.run.name for decision in self.decisions if decision.stored}
        fresh = self._done.keys() - reused
        found = self.scored([record for record in stored if self._belongs(record)])
        return [replace(entry, earlier=entry.record.spec.name not in fresh) for entry in found]

    def scored(self, records: Sequence[Record]) -> list[Entry]:
        """Runs with their stored scores."""
        scores = self.store.read_scores(record.spec for record in records)
        return [Entry(record, each) for record, each in zip(records, scores, strict=True)]

    @cached_property
    def _executor(self) -> Executor:
        return Executor(self.store.scratch, self._jobs)

    def _examine_methods(self) -> None:
        """Raise ``PluginError`` for hyper-parameters that cannot be used, of all methods at once."""
        overrides = {run.method: run.overrides for run in self.runs}
        patience = min(IMPORT_SECONDS, self.suite.budget.hard_seconds)
        methods = [(self._plugins[name], values) for name, values in overrides.items()]
        if problems := self._executor.examine(methods, patience):
            raise PluginError("\n".join(problems))

    def _search(self, methods: set[str]) -> None:
        """Make sure that these methods have been searched, where the suite wants that, and tell their runs."""
        for method in self.searches.methods:
            if method in methods:
                self.searches.finish(method)
        self._tune()

    def _tune(self) -> None:
        self.runs = [self.searches.tuned(run) for run in self.runs]

    def _submit_trial(self, run: RunSpec, multiplier: float) -> Future[RunOutcome]:
        order = self._order(run)
        return self._executor.submit(replace(order, task=order.validation, multiplier=multiplier))

    def _begin(self, run: RunSpec) -> None:
        """Give a run to the executor, unless a stored one stands for it or nobody asked for it anew."""
        if run.name in self._done or run.name in self._pending:
            return
        if self.resumes or run.name not in self._expected:
            decision = resume.decide(run, self._stored, self._answers, self._preflight)
            self.decisions.append(decision)
            if decision.stored:
                self._done[run.name] = decision.stored
                return
        self._pending[run.name] = self._executor.submit(self._order(run))

    def _answers(self, run: RunSpec) -> Sequence[Prediction]:
        """The stored predictions of a run; none where there are no scores beside them."""
        (scores,) = self.store.read_scores([run])
        return self.store.read_predictions(run) if scores else []

    def _keep_finished(self) -> None:
        """Store the runs that have ended, zero-shot first: every other one is judged against it."""
        for run in [self._zero_shot, *self.runs]:
            if run.name in self._pending and self._pending[run.name].done():
                self._keep(run, self._pending[run.name].result())
                del self._pending[run.name]
            if self._zero_shot.name not in self._done:
                return

    def _keep(self, run: RunSpec, outcome: RunOutcome) -> None:
        contended = self._jobs > 1 or judge.disturbed(outcome.record) is not None
        record = completed(outcome.record, self._preflight, contended=contended)
        record = judge.judged(record, self._done.get(self._zero_shot.name, record))
        self._done[run.name] = record
        why = judge.described(record) if record.status not in (Status.OK, Status.UNSUPPORTED) else ""
        try:
            self.store.write_run(record, outcome.predictions, f"{outcome.log}\n{why}".lstrip("\n"))
        except StoreError as error:
            self._unwritten[run.name] = str(error)

    def _belongs(self, record: Record) -> bool:
        """Whether a stored run is this session's, or one that it can be compared with."""
        return record.spec.name in self._done or not resume.obstacle(record, self._preflight)

    def _shown(self, record: Record) -> RunOutcome:
        """The run with those of its predictions that the suite wants to be seen."""
        count, named = self.suite.evaluation.samples, set(self.suite.evaluation.sample_rows)
        predictions = enumerate(self.store.read_predictions(record.spec))
        shown = tuple(each for number, each in predictions if number < count or named.intersection(each.rows))
        return RunOutcome(record=record, predictions=shown)

    def _order(self, run: RunSpec) -> Order:
        task = (self.store.scratch / "task").absolute()
        search = self.suite.search
        return Order(run, self._plugins[run.method], self._model, task, self._device, threads=cores(), search=search)
