"""Which rows of a session are compared with which baseline, and the verdicts.

Wall time is never compared with a stored number. Nothing here reads or writes a file.
"""

from collections.abc import Iterable, Mapping, Sequence

from ..ranking.entries import Entry, by_method
from ..spec.figures import changes
from ..spec.record import Status
from . import tolerance
from .baseline import Baseline, Fingerprint, Measured, measured, unfit
from .pair import Pair, changed
from .tolerance import Rules
from .verdict import Outcome, Verdict

Found = tuple[Baseline, Measured]  # a baseline and one of its rows


def rows(entries: Iterable[Entry]) -> dict[str, Measured]:
    """The rows of a session by method id, in order, failed ones included."""
    return {
        name: measured((entry.record, entry.scores) for entry in group) for name, group in by_method(entries).items()
    }


def expected(baselines: Sequence[Baseline]) -> list[str]:
    """The rows that a full session must have, whichever machine they were accepted on."""
    return list(dict.fromkeys(name for baseline in baselines for name in baseline.rows))


def verdicts(
    now: Mapping[str, Measured],
    here: Fingerprint,
    baselines: Sequence[Baseline],
    rules: Rules | None = None,
    *,
    full: bool = True,
) -> list[Verdict]:
    """All verdicts of a session, row by row; a row that cannot be compared has a single verdict.

    ``full`` means that all rows of the suite were selected, so that an expected row that is absent is ``missing``.
    """
    rules, found, pairs = rules or Rules(), [], []
    for name, one in now.items():
        result = _pair(name, one, here, _reference(one, name, here, baselines))
        if isinstance(result, Pair):
            pairs.append(result)
        else:
            found.append(result)
    for pair in pairs:
        found += [*tolerance.seeds(pair), *tolerance.counts(pair), *tolerance.memory(pair, rules)]
    found += tolerance.scores(pairs, rules)
    absent = [name for name in expected(baselines) if name not in now] if full else []
    order = [*now, *absent]
    found += [_missing(name, now, here, baselines) for name in absent]
    return sorted(found, key=lambda verdict: (order.index(verdict.row), verdict.metric != tolerance.MACHINE))


def _reference(one: Measured, name: str, here: Fingerprint, baselines: Sequence[Baseline]) -> Found | None:
    """The baseline of this fingerprint if it has the row; else one with the same key, from the most similar machine."""

    def distance(found: Found) -> tuple[bool, bool, int, str]:
        baseline, row = found
        other = baseline.fingerprint
        return other != here, row.row.key != one.row.key, len(_between(other, here)), other.hash

    holders = [(baseline, baseline.rows[name]) for baseline in baselines if name in baseline.rows]
    return min(holders, key=distance, default=None)


def _pair(name: str, one: Measured, here: Fingerprint, reference: Found | None) -> Pair | Verdict:
    """The pair to compare, or the verdict on the whole row."""
    then = reference[1] if reference else None
    if verdict := _by_status(name, one, then):
        return verdict
    if not (reference and then) or _unsupported(then):
        before = "unsupported" if then else "not"
        return Verdict(name, "", Outcome.NEW, f"{before} in the baseline; accept it with --update-baseline")
    if different := changes(then.row.key.model_dump(), one.row.key.model_dump()):
        return Verdict(name, "", Outcome.INCOMPARABLE, f"{', '.join(different)}; accept it with --update-baseline")
    seeds = tuple(sorted(set(one.row.runs) & set(then.row.runs)))
    if not seeds:
        listed = [", ".join(map(str, sorted(side.row.runs))) for side in (then, one)]
        return Verdict(name, "", Outcome.INCOMPARABLE, f"no seed in common: seeds {listed[0]} → {listed[1]}")
    other = reference[0].fingerprint
    elsewhere = ", ".join(_between(other, here)) or None
    same_device = (other.device, other.device_name) == (here.device, here.device_name)
    return Pair(name, one, then, seeds, elsewhere, same_device=same_device, mixed=here.mixed)


def _by_status(name: str, one: Measured, then: Measured | None) -> Verdict | None:
    """The verdict on a row in which not all runs are ``ok``; ``None`` if all are."""
    if reason := unfit(one):
        different = changed(then.row, one.row) if then else ""
        return Verdict(name, "", Outcome.INVALID, f"{reason}{'; ' if different else ''}{different}")
    if not _unsupported(one):
        return None
    reason = next(run.reason for run in one.row.runs.values() if run.status == Status.UNSUPPORTED)
    if then is None:
        return Verdict(name, "", Outcome.NEW, f"unsupported: {reason}")
    if _unsupported(then):
        return Verdict(name, "", Outcome.PASS, "unsupported, as in the baseline")
    return Verdict(name, "", Outcome.INVALID, f"ok in the baseline, now unsupported: {reason}")


def _unsupported(one: Measured) -> bool:
    return any(run.status == Status.UNSUPPORTED for run in one.row.runs.values())


def _missing(name: str, now: Mapping[str, Measured], here: Fingerprint, baselines: Sequence[Baseline]) -> Verdict:
    """The verdict on a row that did not run, with the name that it may have now."""
    holders = [one for one in sorted(baselines, key=lambda one: one.fingerprint != here) if name in one.rows]
    holder = holders[0]
    answers = _answers(holder.rows[name])
    twins = [other for other, one in now.items() if other not in holder.rows and _answers(one) == answers]
    twin = f"{twins[0]} gives the same predictions: was it renamed? " if twins else ""
    files = " and ".join(f"baseline/{one.fingerprint.hash}.json" for one in holders)
    remedy = f"If it was removed on purpose, delete it from {files}"
    return Verdict(name, "", Outcome.MISSING, f"in the baseline, but did not run. {twin}{remedy}")


def _answers(one: Measured) -> dict[int, str | None]:
    return {seed: run.predictions_hash for seed, run in one.row.runs.items()}


def _between(then: Fingerprint, now: Fingerprint) -> list[str]:
    return changes(then.model_dump(exclude={"mixed"}), now.model_dump(exclude={"mixed"}))
