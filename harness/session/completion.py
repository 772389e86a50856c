"""What a run's process does not know of its record, which the session adds; and the other way round."""

from datetime import UTC, datetime

from ..spec.errors import StoreError
from ..spec.record import Generation, Leakage, Preflight, Provenance, Record


def completed(record: Record, here: Preflight, *, contended: bool) -> Record:
    """The record with what all runs of the session have in common, and with the day."""
    known = record.provenance
    provenance = Provenance(
        hyperparameters=known.hyperparameters,
        bound=known.bound,
        data_hash=here.data_hash,
        data_revision=here.data_revision,
        rows_skipped=here.rows_skipped,
        model_revision=here.model_revision,
        generation=here.generation,
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


def replayed(record: Record, leakage: Leakage) -> Preflight:
    """What a stored run says of the session that it is of. Raises ``StoreError`` for one that says too little."""
    made_from = record.provenance
    if record.environment is None or made_from.data_hash is None or made_from.model_revision is None:
        raise StoreError(f"{record.spec.name} does not say what it was made from; run it again")
    return Preflight(
        leakage=leakage,
        environment=record.environment,
        data_hash=made_from.data_hash,
        data_revision=made_from.data_revision,
        model_revision=made_from.model_revision,
        metrics=record.metrics,
        generation=made_from.generation or Generation(),
        rows_skipped=made_from.rows_skipped,
    )
