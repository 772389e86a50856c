"""The trained models that a session keeps: those of all its runs, or only the best run's."""

import shutil
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from statistics import fmean

from ..spec.checkpoint import Checkpoint
from ..spec.errors import StoreError
from ..spec.paths import shown
from ..spec.record import Record, RunSpec, Status
from ..spec.suite import Keep
from ..store.results import Store

REUSED = "it was reused from a session that did not keep its model; run it alone, without --resume, to keep it"


class Keeper:
    """Keeps the models of a session's runs in the store, as the suite says.

    ``stored`` are the runs of earlier sessions that this one may reuse.
    """

    def __init__(self, keep: Keep, store: Store, stored: Iterable[Record] = ()):
        self._keep = keep
        self._store = store
        self._expected = best(stored)

    def place(self, run: RunSpec) -> Path | None:
        """Where the process of a run leaves its model; ``None`` if no model is to be kept."""
        return None if self._keep == "none" else (self._store.scratch / "kept" / run.name).absolute()

    def missing(self, record: Record) -> str | None:
        """Why a stored run must be executed again for its model; ``None`` if it need not be."""
        wanted = _trained(record) if self._keep == "all" else self._keep == "best" and record == self._expected
        if not wanted or _checkpoint(record).impossible or self._store.trained_models.has(record):
            return None
        return "its kept model is missing or has changed" if _checkpoint(record).path else "its model was not kept"

    def taken(self, record: Record) -> Record:
        """A judged run, after the model that its process left has been stored, or deleted if the run is not ``ok``."""
        made = self.place(record.spec)
        if made is None or not made.exists():
            return record
        if record.status != Status.OK or _checkpoint(record).hash is None:
            shutil.rmtree(made, ignore_errors=True)
            return record if record.status == Status.OK else record.keeping(None)
        try:
            path = self._store.trained_models.put(record.spec, made)
        except StoreError as error:
            shutil.rmtree(made, ignore_errors=True)
            return record.keeping(Checkpoint(reason=str(error), disk_failed=True))
        return record.keeping(_checkpoint(record).model_copy(update={"path": path}))

    def surplus(self, runs: Iterable[Record], *, finished: bool = False) -> list[Record]:
        """The runs whose kept models are not those of the best run; while others follow, of their method's best run."""
        if self._keep != "best":
            return []
        everything = list(runs)
        groups = [everything] if finished else _by_method(everything)
        names = [found.spec.name for group in groups if (found := best(group))]
        return [record for record in everything if _checkpoint(record).path and record.spec.name not in names]

    def lines(self, runs: Sequence[Record], *, finished: bool) -> list[str]:
        """What to tell about these runs at the end of a session."""
        if self._keep == "none":
            return []
        if self._keep == "best" and not finished:
            return ["kept: not decided yet; to finish the session and keep the best model only, add --resume"]
        winner = best(runs)
        wanted = [run for run in runs if _competes(run) and (self._keep == "all" or run == winner)]
        if not wanted:
            return ["not kept: there is no trained method whose runs are all ok"]
        kept = [run for run in wanted if _checkpoint(run).path]
        lines = [f"not kept: {run.spec.name}: {_checkpoint(run).reason or REUSED}" for run in wanted if run not in kept]
        if kept:
            models = "1 model" if len(kept) == 1 else f"{len(kept)} models"
            size = sum(_checkpoint(run).bytes or 0 for run in kept) / 1e6
            lines.append(f"kept: {models} in {shown(self._store.trained_models.folder)}, {size:,.1f} MB")
        lines += [f"note: {run.spec.name}: {reason}" for run in kept if (reason := _checkpoint(run).reason)]
        return [*lines, *(self._use(run) for run in kept if run == winner)]

    def _use(self, run: Record) -> str:
        """Where the script is that uses the model of the best run."""
        card = self._store.trained_models.of(run.spec) / "README.md"
        return f"the best is {run.spec.name}; the script in {shown(card)} uses it without Tuneoff"


def best(runs: Iterable[Record]) -> Record | None:
    """The best seed of the method with the best mean score, among methods that train and whose runs are all ``ok``."""
    methods = [group for group in _by_method(runs) if all(map(_competes, group))]
    seeds = max(methods, key=lambda group: fmean(map(_merit, group)), default=[])
    return max(seeds, key=_merit, default=None)


def _by_method(runs: Iterable[Record]) -> list[list[Record]]:
    groups: dict[str, list[Record]] = {}
    for run in runs:
        groups.setdefault(run.spec.method, []).append(run)
    return list(groups.values())


def _competes(run: Record) -> bool:
    return run.status == Status.OK and _trained(run) and run.score is not None and isfinite(run.score)


def _merit(run: Record) -> float:
    """The score with the sign at which more is better."""
    return run.metrics[0].sign * (run.score or 0.0)


def _trained(run: Record) -> bool:
    return bool(run.cost.trainable_parameters)


def _checkpoint(run: Record) -> Checkpoint:
    return run.outputs.checkpoint or Checkpoint()
