"""The leaderboard of a session or of published results: made from stored runs, and written beside them."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..ranking import choice, leaderboard
from ..ranking.choice import Needs
from ..ranking.entries import Entry
from ..ranking.leaderboard import Row
from ..ranking.ranks import Ranking
from ..spec.preflight import Leakage
from ..spec.record import Record, RunOutcome
from ..spec.suite import Suite
from ..store.results import Store
from . import notes
from .notes import Notes


@dataclass(frozen=True)
class Tables:
    """The rows, the notes on them, and the runs that both are made from.

    ``ranking`` says what is known about each pair of ranked methods, and ``needs`` what each method needs at most.
    ``left_out`` are the names of stored runs that cannot be compared with these.
    """

    rows: Sequence[Row]
    ranking: Ranking | None
    needs: Mapping[str, Needs]
    notes: Notes
    records: Sequence[Record]
    left_out: Sequence[str] = ()


def entries(store: Store, records: Sequence[Record], earlier: Container[str] = ()) -> list[Entry]:
    """The runs with their stored scores; ``earlier`` names those that an earlier session did."""
    scores = store.read_scores(record.spec for record in records)
    return [
        Entry(record, each, earlier=record.spec.name in earlier) for record, each in zip(records, scores, strict=True)
    ]


def tables(
    store: Store, seeds: Sequence[int], found: Sequence[Entry], leakage: Leakage | None, left_out: Sequence[str] = ()
) -> Tables:
    """The leaderboard of these runs; ``seeds`` are those that each method should have."""
    records = [entry.record for entry in found]
    searched = store.searches_of(records)
    board = leaderboard.board(found, searched, seeds)
    needs = choice.needs(found, [row.method for row in board.rows])
    return Tables(board.rows, board.ranking, needs, notes.of(records, leakage, searched), records, left_out)


def write(store: Store, suite: Suite, shown: Tables) -> list[Path]:
    """Write the leaderboard and the report; raises ``StoreError`` if they cannot be written."""
    from . import html  # imported here, as below: pandas and Jinja must not delay listing the runs

    return [*write_leaderboard(store, suite, shown), html.write(store, suite.run.seeds, shown)]


def write_leaderboard(store: Store, suite: Suite, shown: Tables) -> list[Path]:
    """Write the files of the leaderboard and return their paths; raises ``StoreError`` if they cannot be written."""
    from . import files

    seed = suite.run.seeds[0]
    samples = [_sample(store, suite, record) for record in shown.records if record.spec.seed == seed]
    return files.write(store, suite, shown.rows, samples, shown.notes)


def _sample(store: Store, suite: Suite, record: Record) -> RunOutcome:
    """The run with the predictions that the suite selects as samples."""
    count, named = suite.evaluation.samples, set(suite.evaluation.sample_rows)
    predictions = enumerate(store.read_predictions(record.spec, None if named else count))
    shown = tuple(each for number, each in predictions if number < count or named.intersection(each.rows))
    return RunOutcome(record=record, predictions=shown)
