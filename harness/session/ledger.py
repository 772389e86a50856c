"""The runs of a session that are done: judged and stored, or stored by an earlier session and used again."""

from collections.abc import Sequence

from ..spec.errors import StoreError
from ..spec.paths import shown
from ..spec.record import Prediction, Preflight, Record, RunOutcome, RunSpec, Status
from ..store.results import Store
from . import judge, resume
from .completion import completed
from .resume import Decision


class Ledger:
    """Runs by name; ``stored`` are those of earlier sessions, ``zero_shot`` is the run that others are judged against.

    ``parallel`` says that the times of runs are disturbed by other runs of the session.
    """

    def __init__(self, store: Store, here: Preflight, stored: Sequence[Record], zero_shot: RunSpec, *, parallel: bool):
        self.done: dict[str, Record] = {}
        self.decisions: list[Decision] = []  # about stored runs, in the order in which they were looked for
        self._store = store
        self._here = here
        self._stored = stored
        self._zero_shot = zero_shot
        self._parallel = parallel
        self._unwritten: dict[str, str] = {}  # why, by the name of the run

    @property
    def reused(self) -> set[str]:
        """The names of the runs that an earlier session did."""
        return {decision.run.name for decision in self.decisions if decision.stored}

    def reuse(self, run: RunSpec) -> bool:
        """Take a stored run for this one, if it would only be repeated."""
        decision = resume.decide(run, self._stored, self._answers, self._here)
        self.decisions.append(decision)
        if decision.stored:
            self.done[run.name] = decision.stored
        return decision.stored is not None

    def keep(self, run: RunSpec, outcome: RunOutcome) -> None:
        """Judge a run that has ended, and store it."""
        contended = self._parallel or judge.disturbed(outcome.record) is not None
        record = completed(outcome.record, self._here, contended=contended)
        record = judge.judged(record, self.done.get(self._zero_shot.name, record))
        self.done[run.name] = record
        why = judge.described(record) if record.status not in (Status.OK, Status.UNSUPPORTED) else ""
        try:
            self._store.write_run(record, outcome.predictions, f"{outcome.log}\n{why}".lstrip("\n"))
        except StoreError as error:
            self._unwritten[run.name] = str(error)

    def problems(self, record: Record, floor: float) -> list[str]:
        """Why this run fails its test; each names cause, remedy and log."""
        found = judge.problems(record, self.done[self._zero_shot.name], floor)
        log = self._store.log(record.spec)
        found = [f"{problem}\nLog: {shown(log)}" for problem in found] if log.exists() else found
        if reason := self._unwritten.get(record.spec.name):
            found.append(f"its results are lost with this session: {reason}")
        return found

    def comparable(self, record: Record) -> bool:
        """Whether a stored run is this session's, or one that it can be compared with."""
        return record.spec.name in self.done or resume.obstacle(record, self._here) is None

    def _answers(self, run: RunSpec) -> Sequence[Prediction]:
        """The stored predictions of a run; none where there are no scores beside them."""
        (scores,) = self._store.read_scores([run])
        return self._store.read_predictions(run) if scores else []
