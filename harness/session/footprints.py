"""The memory that a session's methods need: found by trying them out, or by an earlier session."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import cached_property

from ..execute import slots
from ..report import memory
from ..spec.footprint import Footprint
from ..spec.hashing import digest_json
from ..spec.plan import Request
from ..spec.preflight import Preflight
from ..spec.record import RunSpec
from ..spec.suite import AUTO
from ..store.results import Store

CERTAIN_SHARE = 0.5  # of the memory there is; if training all weights needs no more, no method is tried out
UNDECIDED = {"seed", "micro_batch_size"}  # parts of a run's spec that a footprint does not depend on

Measure = Callable[[RunSpec], Future[Footprint]]  # begin to try a run out


class Footprints:
    """The footprints of a session's methods; each is found once, for all seeds."""

    def __init__(self, request: Request, store: Store, here: Preflight, measure: Measure):
        self._request = request
        self._store = store
        self._here = here
        self._measure = measure
        self._first = {run.method: run for run in reversed(request.runs)}
        self._found: dict[str, Footprint] = {}
        self._earlier = store.read_footprints()

    @cached_property
    def runs(self) -> int:
        """How many runs share a device at a time, by the memory that was free before the first one."""
        places = [] if self._request.cluster else self._places()
        return slots.sharing(places)

    def prepare(self, methods: Iterable[str]) -> None:
        """Try these methods out if the session has to know what they need, or if they may not fit."""
        suite = self._request.suite
        tight = self._here.run_bytes * self.runs > CERTAIN_SHARE * self._here.room_bytes
        doubtful = (tight or suite.model.frozen) and not self._request.cluster
        if doubtful or suite.run.micro_batch_size == AUTO:
            self.find(methods)

    def find(self, methods: Iterable[str], *, again: bool = False) -> None:
        """Try these methods out, unless it is known what they need; with ``again``, even if an earlier session did."""
        known = self._found if again else self._all()
        pending = {method: self._measure(self._first[method]) for method in methods if method not in known}
        for method, future in pending.items():
            self._found[method] = future.result().model_copy(update={"key": self._key(method)})
        if pending:
            self._store.write_footprints({method: each for method, each in self._all().items() if _lasts(each)})

    def of(self, method: str) -> Footprint | None:
        """What a method needs, if that is known."""
        return self._all().get(method)

    def fitting(self, run: RunSpec) -> int | None:
        """The rows that the model of a run sees at once if the suite says ``auto``; ``None`` for whole batches.

        If none fit, it is one row, so that the run itself shows it.
        """
        if run.micro_batch_size != AUTO:
            return None
        self._first.setdefault(run.method, run)  # the request need not name it
        self.find([run.method])
        found = self._all()[run.method]
        if not (found.known and (found.trains or found.exhausted) and found.splits_batches):
            return None
        rows = found.largest(self.runs) or 1
        return rows if rows < run.batch_size else None

    def seen(self, method: str) -> int | None:
        """The rows that a method's model sees at once; ``None`` for whole batches."""
        run = self._first[method]
        return self.fitting(run) if run.micro_batch_size == AUTO else run.micro_batch_size

    def predicted(self, method: str) -> int | None:
        """The peak of a method's runs, if it is known."""
        found = self.of(method)
        return found.peak(self.seen(method)) if found and not (found.reason or found.exhausted) else None

    def problem(self, method: str) -> str | None:
        """Why a method's run would not succeed here; ``None`` if it fits or if nothing is known."""
        found = self.of(method)
        if found is None:
            return None
        device = self._here.environment.device
        return memory.remark(method, found, self.seen(method), self.runs, device) or found.reason

    def figures(self, method: str) -> dict[str, int]:
        """The figures of a method that other tools read."""
        found = self.of(method)
        if found is None or not found.known:
            return {}
        rows = self.seen(method)
        return {"predicted_peak_bytes": found.peak(rows), "needed_bytes": found.needed(rows), "room_bytes": found.room}

    def lines(self) -> list[str]:
        """What to say before the first run: methods that do not fit, and micro batches that were chosen."""
        found = [problem for method, each in self._all().items() if each.known and (problem := self.problem(method))]
        chosen: dict[int, list[str]] = {}
        for method in self._found:
            if self._first[method].micro_batch_size == AUTO and self._found[method].trains:
                chosen.setdefault(self.seen(method) or self._request.suite.run.batch_size, []).append(method)
        sizes = "; ".join(f"{rows} ({', '.join(methods)})" for rows, methods in sorted(chosen.items()))
        return [*found, *([f"micro_batch_size: {sizes}"] if sizes else [])]

    def table(self, methods: Sequence[str]) -> str:
        """What these methods need."""
        found = {method: each for method in methods if (each := self.of(method))}
        return memory.table(found, {method: self.seen(method) for method in found}, self.runs)

    def _all(self) -> dict[str, Footprint]:
        room = {"room": self._here.room_bytes}
        return {**{method: each.model_copy(update=room) for method, each in self._stored.items()}, **self._found}

    @property
    def _stored(self) -> dict[str, Footprint]:
        """What an earlier session found for the same runs."""
        earlier = self._earlier.items()
        return {method: each for method, each in earlier if _lasts(each) and each.key == self._key(method)}

    def _places(self) -> Sequence[slots.RunSlot]:
        return slots.slots(self._here, self._request.jobs, self._request.suite.run.gpus)

    def _key(self, method: str) -> str:
        if method not in self._first:
            return ""
        return digest_json(
            {
                "run": self._first[method].model_dump(mode="json", exclude=UNDECIDED),
                "environment": self._here.environment.hash,
                "data": self._here.data_hash,
                "model": self._here.model_revision,
            }
        )


def _lasts(found: Footprint) -> bool:
    """Whether it says the same later: where memory ran out, another program may have had it."""
    return found.unsupported or not (found.reason or found.exhausted)
