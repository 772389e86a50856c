"""Which stored runs one report can be about, from their records and what the checks of the last session found."""

from collections.abc import Callable, Hashable, Sequence

from ..spec.preflight import Preflight
from ..spec.record import Record


def runs(records: Sequence[Record], here: Preflight | None) -> list[Record]:
    """The largest group of runs that were asked the same, and of each method those that were made in the same way.

    They were asked the same on the same data and model, in environments of one session; ``here`` is what is known of
    the last one. In these, a method has the same hyper-parameters, batch size and file with every seed.
    """
    known = {each.hash for each in (here.environment, *here.elsewhere)} if here else set()
    asked = _largest(records, lambda record: (_question(record), _place(record, known)))
    methods = dict.fromkeys(record.spec.method for record in asked)
    groups = [_largest([record for record in asked if record.spec.method == each], _made) for each in methods]
    kept = {id(record) for group in groups for record in group}
    return [record for record in asked if id(record) in kept]


def same_input(here: Preflight, records: Sequence[Record]) -> bool:
    """Whether the checks read the data, model and prompt format of these runs."""
    return any(
        here.data_hash == made_from.data_hash
        and here.model_revision == made_from.model_revision
        and here.prompt_format == made_from.prompt_format
        for made_from in (record.provenance for record in records)
    )


def _largest(records: Sequence[Record], key: Callable[[Record], Hashable]) -> list[Record]:
    """The largest group of runs with the same key; of equally large ones, the latest."""
    groups: dict[Hashable, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return max(groups.values(), key=lambda group: (len(group), max(each.provenance.date or "" for each in group)))


def _question(record: Record) -> Hashable:
    asked = record.spec.model_dump_json(include={"task", "model", "budget", "evaluation", "task_source"})
    return asked, record.provenance.data_hash, record.provenance.model_revision


def _place(record: Record, known: set[str]) -> str | None:
    """The environment, or nothing for one of the last session's."""
    return None if record.environment is None or (found := record.environment.hash) in known else found


def _made(record: Record) -> str:
    return record.spec.model_dump_json(exclude={"seed"})
