"""Which stored record can stand for a run that is asked for again, and why none can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.leaderboard import Entry
from harness.record import Environment, RunSpec, Status, hash_of

CALLED = {"source": "its method's file", "overrides": "its hyper-parameters", "batch_size": "the suite's batch size"}


@dataclass(frozen=True)
class Decision:
    """What stands for a run, or the reason why it has to be done."""

    run: RunSpec
    stored: Entry | None
    reason: str = ""


def decide(run: RunSpec, stored: Sequence[Entry], here: Environment) -> Decision:
    """The stored run that this one would only repeat: ``ok``, of the same spec, source and environment."""
    namesakes = [entry for entry in stored if entry.record.spec.name == run.name]
    same = next((entry for entry in namesakes if entry.record.spec.hash == run.hash), None)
    if same is not None:
        reason = _flaw(same, here)
        return Decision(run, None if reason else same, reason)
    return Decision(run, None, _difference(run, namesakes[-1].record.spec) if namesakes else "not stored yet")


def _flaw(entry: Entry, here: Environment) -> str:
    record = entry.record
    if record.status != Status.OK:
        return f"it ended {record.status}"
    if record.environment is None:
        return "its environment is unknown"
    if record.environment.fingerprint != here.fingerprint:
        return f"its environment changed: {_changes(_flat(record.environment), _flat(here))}"
    if not entry.predictions:
        return "its predictions are missing"
    if record.predictions_hash != hash_of(prediction.text for prediction in entry.predictions):
        return "its stored predictions are not its own"
    return ""


def _difference(run: RunSpec, stored: RunSpec) -> str:
    now, then = run.model_dump(mode="json"), stored.model_dump(mode="json")
    changed = [name for name in now if now[name] != then[name]]
    return " and ".join(CALLED.get(name, f"the suite's {name}") for name in changed) + " changed"


def _flat(environment: Environment) -> dict[str, Any]:
    values = environment.model_dump(mode="json", exclude={"git"})
    return {**values.pop("packages"), **values}


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return ", ".join(f"{name} {then.get(name)} → {now.get(name)}" for name in names)
