"""The parts of a record that the run's process does not know and the session adds."""

from datetime import UTC, datetime

from ..spec.preflight import Preflight
from ..spec.record import Provenance, Record


def completed(record: Record, here: Preflight, *, contended: bool) -> Record:
    """The record with the date and with what all runs of the session share."""
    known = record.provenance
    provenance = Provenance(
        hyperparameters=known.hyperparameters,
        defaults=known.defaults,
        bound=known.bound,
        data_hash=here.data_hash,
        data_revision=here.data_revision,
        rows_skipped=here.rows_skipped,
        model_revision=here.model_revision,
        generation=here.generation,
        prompt_format=here.prompt_format,
        date=datetime.now(UTC).date().isoformat(),
    )
    return Record(
        spec=record.spec,
        status=record.status,
        error=record.error,
        scores=record.scores,
        best_scores=record.best_scores,
        metrics=here.metrics,
        predictions_hash=record.predictions_hash,
        outputs=record.outputs,
        cost=record.cost.model_copy(update={"contended": contended}),
        checks=record.checks,
        provenance=provenance,
        environment=record.environment or here.environment,
        history=record.history,
    )
