"""Whether the first rows of a split stand for all of it, which they do not if the rows are sorted by their targets."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import log, sqrt

from ..spec.errors import brief
from ..spec.suite import TaskTable
from . import data
from .data import Example

FALSE_ALARMS = 0.01  # at most, among rows in random order

Splits = Mapping[str, Sequence[Example]]


def notices(table: TaskTable, splits: Splits, search: int | None = None) -> list[str]:
    """The limits of a suite that keep rows whose targets are not those of all rows, and how they differ.

    ``search`` is the number of validation rows of a search, or ``None`` if all are used, or there is no search.
    """
    return [
        f"{table.data}: {reason}; the rows seem to be sorted: shuffle them, or change {key}"
        for key, kind, kept, rows in _limits(table, splits, search)
        if (reason := flaw(kind, kept, rows))
    ]


def flaw(kind: str, kept: Sequence[str], every: Sequence[str]) -> str | None:
    """How the targets of the rows that are kept differ from those of every row, if random rows would hardly do so.

    The total variation distance of the two distributions is compared with a bound on its mean, and on its distance
    from that (McDiarmid's inequality). Targets of which most are different never differ by more.
    """
    kept_counts, counts = Counter(kept), Counter(every)
    if not kept or len(kept) == len(every):
        return None
    shares = {target: count / len(every) for target, count in counts.items()}
    gaps = {target: kept_counts[target] / len(kept) - share for target, share in shares.items()}
    mean = sum(sqrt(share * (1 - share) / len(kept)) for share in shares.values()) / 2
    if sum(map(abs, gaps.values())) / 2 <= mean + sqrt(log(1 / FALSE_ALARMS) / 2 / len(kept)):
        return None
    worst = max(gaps, key=lambda target: abs(gaps[target]))
    return (
        f"the {len(kept):,} {kind} rows that are used, of {len(every):,}, have {len(kept_counts):,} of "
        f"{len(counts):,} different targets ({brief(repr(worst), 40)}: {kept_counts[worst] / len(kept):.0%}, in all "
        f"rows {shares[worst]:.0%})"
    )


def _limits(table: TaskTable, splits: Splits, search: int | None) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """Each key that leaves out rows, what they are for, and the targets of those that are kept and of all."""
    chosen = data.cut(table, splits)
    for split in ("train", "test"):
        yield f"task.{split}_rows", split, _targets(chosen[split]), _targets(splits[split])
    if search is not None:
        tried, every = (data.validation(table, splits, rows)["test"] for rows in (search, None))
        yield "search.rows", "validation", _targets(tried), _targets(every)


def _targets(rows: Sequence[Example]) -> list[str]:
    return [row.target.strip() for row in rows]
