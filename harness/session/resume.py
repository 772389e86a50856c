"""Which stored record can be reused for a run, or why none can."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..spec.errors import StoreError
from ..spec.figures import changes
from ..spec.metric import Metric, options_of
from ..spec.preflight import Preflight
from ..spec.record import Environment, Generation, Prediction, Record, RunSpec, Status, hash_of

Answers = Callable[[RunSpec], Sequence[Prediction]]  # the stored predictions of a run; none if they are incomplete

FIELD_LABELS = {
    "source": "its method's file",
    "task_source": "its task's file",
    "overrides": "its hyper-parameters",
    "batch_size": "the suite's batch size",
}


@dataclass(frozen=True)
class Decision:
    """The stored record to reuse for a run, or the reason that the run must be done."""

    run: RunSpec
    stored: Record | None
    reason: str | None = None


def decide(run: RunSpec, stored: Sequence[Record], answers: Answers, here: Preflight) -> Decision:
    """Find a stored run that this one would repeat.

    It is ``ok``, and has the same spec, source, data, base model and environment.
    """
    namesakes = [record for record in stored if record.spec.name == run.name]
    same = next((record for record in namesakes if record.spec.hash == run.hash), None)
    if same is not None:
        reason = _flaw(same, answers, here)
        return Decision(run, None if reason else same, reason)
    return Decision(run, None, difference(run, namesakes[-1].spec) if namesakes else "not stored yet")


def obstacle(record: Record, here: Preflight) -> str | None:
    """Why a stored run cannot be compared with the runs of this session; ``None`` if it can."""
    if record.environment is None:
        return "its environment is unknown"
    if record.environment.hash not in {each.hash for each in (here.environment, *here.elsewhere)}:
        return f"its environment changed: {', '.join(changes(_flat(record.environment), _flat(here.environment)))}"
    if record.provenance.data_hash != here.data_hash:
        return "the rows of its data changed"
    if record.provenance.model_revision != here.model_revision:
        return f"its base model changed: {record.provenance.model_revision} → {here.model_revision}"
    if different := changes(_scoring(record.metrics), _scoring(here.metrics)):
        return f"its answers were scored differently: {', '.join(different)}"
    if (record.provenance.generation or Generation()) != here.generation:
        return "the generation settings taken from its base model changed"
    if record.provenance.prompt_format != here.prompt_format:
        return "its chat template, or how its tokenizer reads a prompt, changed"
    return None


def _flaw(record: Record, answers: Answers, here: Preflight) -> str | None:
    if record.status != Status.OK:
        return f"its status is {record.status}"
    if reason := obstacle(record, here):
        return reason
    try:
        predictions = answers(record.spec)
    except StoreError as error:
        return str(error)
    if not predictions:
        return "its predictions are missing"
    if record.predictions_hash != hash_of(prediction.text for prediction in predictions):
        return "its stored predictions do not match its record"
    return None


def difference(run: RunSpec, stored: RunSpec) -> str:
    """What differs between a run and a stored run of the same name."""
    now, then = run.model_dump(mode="json"), stored.model_dump(mode="json")
    changed = [name for name in {**then, **now} if now.get(name) != then.get(name)]
    return " and ".join(FIELD_LABELS.get(name, f"the suite's {name}") for name in changed) + " changed"


def _scoring(metrics: Sequence[Metric]) -> dict[str, str]:
    """The metrics, and how they read texts."""
    return {"metrics": " ".join(metric.id for metric in metrics), **options_of(metrics)}


def _flat(environment: Environment) -> dict[str, Any]:
    values = environment.model_dump(mode="json", exclude={"git", "attention", "packages"})
    return {**environment.releases, **values}
