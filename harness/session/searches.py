"""The learning-rate searches of a session, one per method: reused or done, stored, and applied to the method's runs."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from ..ranking.paired import Scores
from ..ranking.trials import p_values
from ..spec import search
from ..spec.errors import StoreError
from ..spec.metric import Metric
from ..spec.paths import shown
from ..spec.plan import Request
from ..spec.preflight import Preflight
from ..spec.record import Record, RunOutcome, RunSpec, Status
from ..spec.search import Search
from ..store import files
from ..store.results import Store
from . import judge

Submit = Callable[[RunSpec, float], Future[RunOutcome]]  # begin a trial: a run at a multiple of its learning rate


class Searches:
    """The searches before the runs, done on request; none if the suite has no ``[search]``.

    ``asked`` are the methods whose search was selected: it is done again, unless the request resumes.
    Raises ``StoreError`` for a stored search that cannot be read.
    """

    def __init__(self, request: Request, store: Store, here: Preflight, submit: Submit, asked: Sequence[str] = ()):
        first = {run.method: run for run in reversed(request.runs)}
        self._specs = {method: first[method] for method in request.searched}
        self._table = request.suite.search
        self._store = store
        self._here = here
        self._submit = submit
        self._asked = [method for method in self._specs if method in asked]
        self._parallel = request.parallel
        self._resumes = request.resumes
        self._stored = self._unchanged()  # by earlier sessions
        self._done: dict[str, Search] = {}  # of this session, including reused ones
        self._unwritten: dict[str, str] = {}  # by method, why its search could not be stored
        self._pending: dict[str, list[Future[RunOutcome]]] = {}

    def finish(self, method: str) -> Search:
        """Do the search, or wait for it, and store it."""
        for each in [*(self._asked if self._parallel else ()), method]:
            self._begin(each)
        while method not in self._done:
            wait([each for trials in self._pending.values() for each in _open(trials)], return_when=FIRST_COMPLETED)
            self.keep_finished()
        return self._done[method]

    def done(self, method: str) -> Search | None:
        """The finished search of a method, if there is one."""
        return self._done.get(method)

    def tuned(self, run: RunSpec) -> RunSpec:
        """The run with the learning rate found for its method, if there is one."""
        found = self._done.get(run.method) or self._stored.get(run.method)
        return found.tuned(run) if found else run

    def figures(self, found: Search) -> dict[str, Any]:
        """The figures of a search that other tools read."""
        return {
            "reused": self._stored.get(found.spec.method) is found,
            "learning_rate": found.learning_rate,
            "search_seconds": found.seconds,
            "learning_rate_sensitivity": found.sensitivity,
        }

    def problem(self, found: Search) -> str | None:
        """Why a search found no learning rate or could not be stored; ``None`` if neither applies."""
        method = found.spec.method
        if found.learning_rate is not None:
            why = self._unwritten.get(method)
            return f"its search could not be stored: {why}" if why else None
        reasons = [f"  × {each.multiplier:.3g}: {each.status}: {each.reason}" for each in found.trials]
        log = f"Log: {shown(self._store.search_log(method))}"
        failed = "no trial succeeded, so the method's runs keep the learning rate that they had before the search"
        return "\n".join([failed, *reasons, log])

    def lines(self) -> list[str]:
        """The learning rates that this session found, to be pasted into the suite's file."""
        return search.lines(self._done.values())

    def keep_finished(self) -> None:
        """Store the searches whose trials have all ended, or whose first trial was ``unsupported``."""
        for method, trials in list(self._pending.items()):
            if _pointless(trials):
                for each in trials[1:]:
                    each.cancel()
                trials = trials[:1]
            if not _open(trials):
                del self._pending[method]  # first, because a trial that could not be started raises
                self._keep(method, [each.result() for each in trials])

    def stop(self) -> None:
        """Store the finished searches and drop the others."""
        self.keep_finished()
        self._pending.clear()

    def _unchanged(self) -> dict[str, Search]:
        """The stored searches, by method, that are complete and that a new search would only repeat."""
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
        records = [_judged(outcome.record) for outcome in outcomes]
        multipliers = search.multipliers(self._table)
        metric = self._here.metrics[0]
        scores = [_scores(*each, metric) for each in zip(records, outcomes, strict=True)]
        tried = zip(multipliers, records, p_values(scores, metric), strict=False)
        trials = [search.trial(*each) for each in tried]
        contended = any(map(judge.contended, records))
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


def _judged(record: Record) -> Record:
    """The trial's run, judged without zero-shot, which does not run on validation rows."""
    return judge.judged(record, record.model_copy(update={"predictions_hash": None}))


def _scores(record: Record, outcome: RunOutcome, metric: Metric) -> Scores | None:
    """A trial's scores, one for each validation row, if it counts."""
    return files.scores_of(outcome.predictions).get(metric.id) if record.status == Status.OK else None


def _open(trials: Iterable[Future[RunOutcome]]) -> list[Future[RunOutcome]]:
    return [each for each in trials if not each.done()]


def _pointless(trials: Sequence[Future[RunOutcome]]) -> bool:
    first = trials[0]
    return first.done() and not first.exception() and first.result().record.status == Status.UNSUPPORTED
