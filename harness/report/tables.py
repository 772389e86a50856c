"""The leaderboard of a session or of published results: made from stored runs, and written beside them."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..ranking import leaderboard
from ..ranking.leaderboard import Entry, Row
from ..spec.record import Leakage, Record, RunOutcome
from ..spec.suite import Suite
from ..store.results import Store
from . import notes
from .notes import Notes


@dataclass(frozen=True)
class Tables:
    """The rows, the notes on them, and the runs that both are made from.

    ``left_out`` are the names of stored runs that cannot be compared with these.
    """

    rows: Sequence[Row]
    notes: Notes
    records: Sequence[Record]
    left_out: Sequence[str] = ()


def entries(store: Store, records: Sequence[Record], earlier: Container[str] = ()) -> list[Entry]:
    """The runs with their stored scores; ``earlier`` names those that an earlier session did."""
    scores = store.read_scores(record.spec for record in records)
    return [
        Entry(record, each, earlier=record.spec.name in earlier) for record, each in zip(records, scores, strict=True)
    ]


def tables(store: Store, suite: Suite, found: Sequence[Entry], leakage: Leakage) -> Tables:
    """The leaderboard of these runs."""
    records = [entry.record for entry in found]
    searched = store.searches_of(records)
    rows = leaderboard.rows(found, searched, suite.run.seeds)
    return Tables(rows, notes.of(records, leakage, searched), records)


def write(store: Store, suite: Suite, shown: Tables) -> list[Path]:
    """Write the files of the leaderboard and return their paths; raises ``StoreError`` if they cannot be written."""
    seed = suite.run.seeds[0]
    samples = [_sample(store, suite, record) for record in shown.records if record.spec.seed == seed]
    from . import files  # imported here: pandas must not delay listing the runs

    return files.write(store, suite, shown.rows, samples, shown.notes)


def _sample(store: Store, suite: Suite, record: Record) -> RunOutcome:
    """The run with the predictions that the suite selects as samples."""
    count, named = suite.evaluation.samples, set(suite.evaluation.sample_rows)
    predictions = enumerate(store.read_predictions(record.spec))
    shown = tuple(each for number, each in predictions if number < count or named.intersection(each.rows))
    return RunOutcome(record=record, predictions=shown)
