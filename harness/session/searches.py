"""The searches of a session, one for each method: reused or done, kept, and given to the method's runs."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cached_property
from typing import Any

from ..spec import search
from ..spec.errors import StoreError
from ..spec.paths import shown
from ..spec.record import Preflight, Record, RunOutcome, RunSpec, Status
from ..spec.search import Search
from ..spec.suite import ZERO_SHOT, SearchTable
from ..store.results import Store
from . import judge

Submit = Callable[[RunSpec, float], Future[RunOutcome]]  # begin a trial: a run at a multiple of its learning rate


class Searches:
    """What is searched before the runs, as it is asked for; nothing where the suite has no ``[search]``."""

    def __init__(
        self, table: SearchTable, runs: Sequence[RunSpec], store: Store, *, ahead: bool = False, resumes: bool = False
    ):
        first = {run.method: run for run in reversed(runs) if run.method != ZERO_SHOT}
        self._specs = {run.method: first[run.method] for run in runs if run.method in first and table.trials}
        self._table = table
        self._store = store
        self._ahead = ahead  # begin what will be asked for later
        self._resumes = resumes
        self._asked: list[str] = []
        self._stored: dict[str, Search] = {}  # of earlier sessions, and still the same
        self._done: dict[str, Search] = {}  # of this session, those that stored ones stand for included
        self._unwritten: dict[str, str] = {}  # why, by method
        self._pending: dict[str, list[Future[RunOutcome]]] = {}
        self._here: Preflight
        self._submit: Submit

    @property
    def methods(self) -> list[str]:
        """The methods that are searched, in the suite's order."""
        return list(self._specs)

    def start(self, here: Preflight, submit: Submit) -> None:
        """Find what earlier sessions left; raises ``StoreError`` for what cannot be read."""
        self._here, self._submit = here, submit
        for method, spec in self._specs.items():
            wanted = search.hash_of(spec, self._table, here)
            for stored in reversed(self._store.read_searches(method)):
                if stored.whole and stored.hash == wanted:
                    self._stored[method] = stored

    def expect(self, methods: Iterable[str]) -> None:
        """Tell which searches will be asked for; they are done anew, but with ``--resume``."""
        asked = set(methods)
        self._asked = [method for method in self._specs if method in asked]

    def finish(self, method: str) -> Search:
        """Do the search, or wait for it, and keep it."""
        for each in [*(self._asked if self._ahead else ()), method]:
            self._begin(each)
        while method not in self._done:
            wait([each for trials in self._pending.values() for each in _open(trials)], return_when=FIRST_COMPLETED)
            self.keep_finished()
        return self._done[method]

    def tuned(self, run: RunSpec) -> RunSpec:
        """The run with the learning rate that was found for its method, if one was."""
        found = self._done.get(run.method) or self._stored.get(run.method)
        return found.tuned(run) if found else run

    def figures(self, found: Search) -> dict[str, Any]:
        """What other tools read about a search."""
        return {
            "reused": self._stored.get(found.spec.method) is found,
            "learning_rate": found.learning_rate,
            "search_seconds": found.seconds,
            "learning_rate_sensitivity": found.sensitivity,
        }

    def problem(self, found: Search) -> str | None:
        """Why a search found nothing although the method learns, or what it found is lost, if that is so."""
        method = found.spec.method
        if found.learning_rate is not None:
            why = self._unwritten.get(method)
            return f"its search is lost with this session: {why}" if why else None
        reasons = [f"  × {each.multiplier:.3g}: {each.status}: {each.reason}" for each in found.trials]
        log = f"Log: {shown(self._store.search_log(method))}"
        return "\n".join(["no trial is ok, so the method's runs keep its learning rate", *reasons, log])

    def lines(self) -> list[str]:
        """What this session found, to be pasted into the suite's file."""
        return search.lines(self._done.values())

    def of(self, records: Sequence[Record]) -> dict[str, Search]:
        """The stored searches, of whichever session, that all of their method's runs among these belong to."""
        found = {}
        for method in dict.fromkeys(record.spec.method for record in records):
            runs = [record for record in records if record.spec.method == method]
            for stored in reversed(self._store.read_searches(method)):
                if all(map(stored.belongs, runs)):
                    found[method] = stored
        return found

    def keep_finished(self) -> None:
        """Store the searches of which every trial has ended, or the first said that there is nothing to search."""
        for method, trials in list(self._pending.items()):
            if _pointless(trials):
                for each in trials[1:]:
                    each.cancel()
                trials = trials[:1]
            if not _open(trials):
                del self._pending[method]  # first: a trial that could not even be begun raises
                self._keep(method, [each.result() for each in trials])

    def stop(self) -> None:
        """Keep what has finished; what has not is nobody's any more."""
        self.keep_finished()
        self._pending.clear()

    @cached_property
    def _multipliers(self) -> list[float]:
        return search.multipliers(self._table)

    def _begin(self, method: str) -> None:
        if method in self._done or method in self._pending:
            return
        if method in self._stored and (self._resumes or method not in self._asked):
            self._done[method] = self._stored[method]
            return
        self._pending[method] = [self._submit(self._specs[method], each) for each in self._multipliers]

    def _keep(self, method: str, outcomes: Sequence[RunOutcome]) -> None:
        records = [outcome.record for outcome in outcomes]
        trials = [search.trial(*each) for each in zip(self._multipliers, map(_judged, records), strict=False)]
        contended = self._ahead or any(judge.disturbed(record) is not None for record in records)
        found = search.finished(self._specs[method], self._table, trials, self._here, contended=contended)
        self._done[method] = found
        if found.unsupported:
            return
        logs = zip(self._multipliers, outcomes, strict=False)
        log = "".join(f"× {each:.3g}\n{outcome.log}\n" for each, outcome in logs)
        try:
            self._store.write_search(found, log)
        except StoreError as error:
            self._unwritten[method] = str(error)


def _judged(record: Record) -> Record:
    """The trial's run with its own verdict; zero-shot is not asked on validation rows."""
    return judge.judged(record, record.model_copy(update={"predictions_hash": None}))


def _open(trials: Iterable[Future[RunOutcome]]) -> list[Future[RunOutcome]]:
    return [each for each in trials if not each.done()]


def _pointless(trials: Sequence[Future[RunOutcome]]) -> bool:
    first = trials[0]
    return first.done() and not first.exception() and first.result().record.status == Status.UNSUPPORTED
