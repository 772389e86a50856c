"""Whether the first rows of a split stand for all of it, as those of sorted rows do not, and part no test item."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import log, sqrt

from ..spec.errors import brief
from ..spec.suite import TaskTable
from . import data
from .data import Example

FALSE_ALARMS = 0.01  # at most, among rows in random order

Splits = Mapping[str, Sequence[Example]]


def notices(table: TaskTable, splits: Splits, search: int | None = None) -> list[str]:
    """What is wrong with the rows that a suite keeps, and what to do."""
    remedy = "their order is not random: shuffle the rows, or change"
    found = [f"{reason}; {remedy} {key}" for key, reason in flaws(table, splits, search).items()]
    return [f"{table.data}: {each}" for each in [*found, *parted(splits["test"], table.test_rows)]]


def flaws(table: TaskTable, splits: Splits, search: int | None = None) -> dict[str, str]:
    """By key, the limits of a suite that keep rows whose targets are not those of all rows, and how they differ.

    ``search`` is the number of validation rows of a search, or ``None`` if all are used, or there is no search.
    """
    found = ((key, flaw(kind, kept, rows)) for key, kind, kept, rows in _limits(table, splits, search))
    return {key: reason for key, reason in found if reason}


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
        f"the {len(kept):,} of {len(every):,} {kind} rows that are used have {len(kept_counts):,} of {len(counts):,} "
        f"different targets ({brief(repr(worst), 40)}: {kept_counts[worst] / len(kept):.0%}, in all rows "
        f"{shares[worst]:.0%})"
    )


def parted(test: Sequence[Example], limit: int | None) -> Iterator[str]:
    """That some of the test items would have more references without the limit of rows, and where it parts none."""
    kept, lacking = defaultdict[str, set[str]](set), set()
    for number, row in enumerate(test):
        if limit is None or number < limit:
            kept[row.asked].add(row.target)
        elif row.asked in kept and row.target not in kept[row.asked]:
            lacking.add(row.asked)
    if lacking:
        yield (
            f"references of {len(lacking):,} of {len(kept):,} test items are in rows that task.test_rows leaves out; "
            f"with task.test_rows = {_whole(test, limit or 0)}, every item has all of its references"
        )


def _whole(test: Sequence[Example], limit: int) -> int:
    """The number of rows, ``limit`` or more, of which the first ones have all rows of their items."""
    ends, number = {row.asked: end for end, row in enumerate(test, start=1)}, 0
    while number < limit:
        limit, number = max(limit, ends[test[number].asked]), number + 1
    return limit


def _limits(table: TaskTable, splits: Splits, search: int | None) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """Each key that leaves out rows, what they are for, and the targets of those that are kept and of all."""
    chosen = data.cut(table, splits)
    trained = "task.train_rows" if table.train_rows else "task.train_every"
    for key, split in ((trained, "train"), ("task.test_rows", "test")):
        yield key, split, _targets(chosen[split]), _targets(splits[split])
    if search is not None:
        tried, every = (data.validation(table, splits, rows)["test"] for rows in (search, None))
        yield "search.rows", "validation", _targets(tried), _targets(every)


def _targets(rows: Sequence[Example]) -> list[str]:
    return [row.target.strip() for row in rows]
