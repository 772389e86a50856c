"""The searches of a session, one for each method: reused or done, kept, and given to the method's runs."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from ..spec import search
from ..spec.errors import StoreError
from ..spec.paths import shown
from ..spec.plan import Request
from ..spec.record import Preflight, Record, RunOutcome, RunSpec, Status
from ..spec.search import Search
from ..store.results import Store
from . import judge

Submit = Callable[[RunSpec, float], Future[RunOutcome]]  # begin a trial: a run at a multiple of its learning rate


class Searches:
    """What is searched before the runs, as it is asked for; nothing where the suite has no ``[search]``.

    ``asked`` are the methods whose search is asked for by itself: it is done anew, unless the request resumes.
    Raises ``StoreError`` for what earlier sessions left and cannot be read.
    """

    def __init__(self, request: Request, store: Store, here: Preflight, submit: Submit, asked: Sequence[str] = ()):
        first = {run.method: run for run in reversed(request.runs)}
        self._specs = {method: first[method] for method in request.searched}
        self._table = request.suite.search
        self._store = store
        self._here = here
        self._submit = submit
        self._asked = [method for method in self._specs if method in asked]
        self._parallel = request.jobs > 1
        self._resumes = request.resumes
        self._stored = self._unchanged()  # of earlier sessions
        self._done: dict[str, Search] = {}  # of this session, those that stored ones stand for included
        self._unwritten: dict[str, str] = {}  # why, by method
        self._pending: dict[str, list[Future[RunOutcome]]] = {}

    def finish(self, method: str) -> Search:
        """Do the search, or wait for it, and keep it."""
        for each in [*(self._asked if self._parallel else ()), method]:
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

    def _unchanged(self) -> dict[str, Search]:
        """The stored search of each method, as far as it is whole and would only be repeated."""
        found = {}
        for method, spec in self._specs.items():
            wanted = search.hash_of(spec, self._table, self._here)
            for stored in reversed(self._store.read_searches(method)):
                if stored.whole and stored.hash == wanted:
                    found[method] = stored
        return found

    def _begin(self, method: str) -> None:
        if method in self._done or method in self._pending:
            return
        if method in self._stored and (self._resumes or method not in self._asked):
            self._done[method] = self._stored[method]
            return
        self._pending[method] = [self._submit(self._specs[method], each) for each in search.multipliers(self._table)]

    def _keep(self, method: str, outcomes: Sequence[RunOutcome]) -> None:
        records = [outcome.record for outcome in outcomes]
        multipliers = search.multipliers(self._table)
        trials = [search.trial(*each) for each in zip(multipliers, map(_judged, records), strict=False)]
        contended = self._parallel or any(judge.disturbed(record) is not None for record in records)
        found = search.finished(self._specs[method], self._table, trials, self._here, contended=contended)
        self._done[method] = found
        if found.unsupported:
            return
        logs = zip(multipliers, outcomes, strict=False)
        log = "".join(f"× {each:.3g}\n{outcome.log}\n" for each, outcome in logs)
        try:
            self._store.write_search(found, log)
        except StoreError as error:
            self._unwritten[method] = str(error)


def stored(store: Store, records: Sequence[Record]) -> dict[str, Search]:
    """The stored search of each method, of whichever session, that all of its runs among these belong to."""
    found = {}
    for method in dict.fromkeys(record.spec.method for record in records):
        runs = [record for record in records if record.spec.method == method]
        for each in reversed(store.read_searches(method)):
            if all(map(each.belongs, runs)):
                found[method] = each
    return found


def _judged(record: Record) -> Record:
    """The trial's run with its own verdict; zero-shot is not asked on validation rows."""
    return judge.judged(record, record.model_copy(update={"predictions_hash": None}))


def _open(trials: Iterable[Future[RunOutcome]]) -> list[Future[RunOutcome]]:
    return [each for each in trials if not each.done()]


def _pointless(trials: Sequence[Future[RunOutcome]]) -> bool:
    first = trials[0]
    return first.done() and not first.exception() and first.result().record.status == Status.UNSUPPORTED
