"""The finished runs of a session: judged and stored, or reused from an earlier session."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from ..spec.errors import StoreError
from ..spec.paths import shown
from ..spec.preflight import Preflight
from ..spec.record import Prediction, Record, RunOutcome, RunSpec, Status
from ..store.results import Store
from . import judge, resume
from .completion import completed
from .keeper import Keeper
from .resume import Decision


class Ledger:
    """Finished runs by name; ``stored`` are those of earlier sessions, and others are judged against ``zero_shot``.

    ``keeper`` keeps their models.
    """

    def __init__(
        self,
        store: Store,
        here: Preflight,
        stored: Sequence[Record],
        zero_shot: RunSpec,
        keeper: Keeper,
    ):
        self.done: dict[str, Record] = {}
        self.decisions: list[Decision] = []  # about reusing stored runs, in order
        self._store = store
        self._here = here
        self._stored = stored
        self._zero_shot = zero_shot
        self._keeper = keeper
        self._unwritten: dict[str, str] = {}  # by the name of a run, why it could not be stored

    @property
    def reused(self) -> set[str]:
        """The names of the runs that were reused from earlier sessions."""
        return {decision.run.name for decision in self.decisions if decision.stored}

    def reuse(self, run: RunSpec) -> bool:
        """Reuse a stored run if this one would only repeat it; return whether that was possible."""
        decision = resume.decide(run, self._stored, self._answers, self._here)
        if decision.stored and (reason := self._keeper.missing(decision.stored)):
            decision = replace(decision, stored=None, reason=reason)
        self.decisions.append(decision)
        if decision.stored:
            self.done[run.name] = decision.stored
        return decision.stored is not None

    def keep(self, run: RunSpec, outcome: RunOutcome) -> None:
        """Judge and store a run that has ended."""
        record = completed(outcome.record, self._here, contended=judge.contended(outcome.record))
        record = judge.judged(record, self.done.get(self._zero_shot.name, record))
        self.done[run.name] = record = self._keeper.taken(record)
        why = judge.described(record) if record.status not in (Status.OK, Status.UNSUPPORTED) else ""
        try:
            self._store.write_run(record, outcome.predictions, f"{outcome.log}\n{why}".lstrip("\n"))
        except StoreError as error:
            self._unwritten[run.name] = str(error)
        self.drop(self._keeper.surplus(self.done.values()))

    def drop(self, runs: Iterable[Record]) -> None:
        """Delete the kept models of these runs."""
        for run in runs:
            self.done[run.spec.name] = run.keeping(None)
            with suppress(StoreError):  # a later session sees that what the stored record names is not there
                self._store.trained_models.remove(run.spec)
                self._store.rewrite(self.done[run.spec.name])

    def problems(self, record: Record, floor: float) -> list[str]:
        """Why this run fails its test; each problem names cause, remedy and log."""
        found = judge.problems(record, self.done[self._zero_shot.name], floor)
        log = self._store.log(record.spec)
        found = [f"{problem}\nLog: {shown(log)}" for problem in found] if log.exists() else found
        if reason := self._unwritten.get(record.spec.name):
            found.append(f"its results could not be stored: {reason}")
        return found

    def comparable(self, record: Record) -> bool:
        """Whether a stored run belongs to this session or can be compared with its runs."""
        return record.spec.name in self.done or resume.obstacle(record, self._here) is None

    def _answers(self, run: RunSpec) -> Sequence[Prediction]:
        """The stored predictions of a run; none if its scores are missing."""
        (scores,) = self._store.read_scores([run])
        return self._store.read_predictions(run) if scores else []
