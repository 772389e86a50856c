"""A suite's methods on two sides, base and head: alternating runs, and the verdicts on each method."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, cycle

from ...spec.record import Status
from ...spec.suite import Suite
from ..counts import COUNTS, compare
from ..verdict import Outcome, Verdict
from . import timing
from .side import RecordedCost, Runs, Taken
from .timing import MIN_SECONDS, Pass

ABBA, BAAB = (0, 1, 1, 0), (1, 0, 0, 1)


class NotDone(Exception):
    """A run that cannot be compared; ``verdict`` says why."""

    def __init__(self, verdict: Verdict):
        self.verdict = verdict


class Comparison:
    """A suite's methods compared on two sides, base and head, in the same job."""

    def __init__(self, suite: Suite, base: Runs, head: Runs):
        self.suite = suite
        self.sides = (base, head)
        self._controls: dict[str, list[float]] = {metric: [] for metric in MIN_SECONDS}
        self._contended: list[bool] = []  # one per run of the method that is being compared

    def verdicts(self, method: str) -> list[Verdict]:
        """The verdicts on one method, metric by metric; this takes four runs per pass."""
        found: list[Verdict] = []
        self._contended = []
        try:
            runs = self._do(method, ABBA)
            found += _counts(method, runs, self.suite)
            found += self._times(method, runs)
        except NotDone as reason:
            found.append(reason.verdict)
        return found

    def _times(self, method: str, runs: Sequence[Sequence[RecordedCost]]) -> list[Verdict]:
        """The verdicts on times, after further passes for as long as any time is undecided.

        The sides take turns to go first.
        """
        passes = {metric: [one] for metric in MIN_SECONDS if (one := _pass(method, metric, runs))}
        orders = cycle((BAAB, ABBA))
        while any(timing.undecided(metric, found, self._known(metric, found)) for metric, found in passes.items()):
            again = self._do(method, next(orders))
            for metric, found in passes.items():
                found += filter(None, [_pass(method, metric, again)])
        for metric, found in passes.items():
            self._controls[metric] = self._known(metric, found)
        verdicts = [timing.verdict(method, metric, found, self._controls[metric]) for metric, found in passes.items()]
        return [replace(one, detail=one.detail + self._beside_others) for one in verdicts]

    @property
    def _beside_others(self) -> str:
        """How many of the method's runs were disturbed by other programs, if any were."""
        count, runs = sum(self._contended), len(self._contended)
        return f"; other programs took processor time from {count} of its {runs} runs" if count else ""

    def _known(self, metric: str, passes: Sequence[Pass]) -> list[float]:
        """The controls for this time from the job so far and these passes, which show the machine's noise."""
        own = [] if timing.short(metric, passes) else chain.from_iterable(one.controls for one in passes)
        return [*self._controls[metric], *own]

    def _do(self, method: str, order: Sequence[int]) -> tuple[list[RecordedCost], list[RecordedCost]]:
        """Run a method on the sides in this order; the runs of each side, in the order in which they were done."""
        done: tuple[list[RecordedCost], list[RecordedCost]] = ([], [])
        base, head = self.sides
        for number in order:
            taken = self.sides[number].run(method)
            if number == 0 and (reason := _of_base(method, base, taken)):
                alone = head.run(method)  # a failure in head must be reported even if base fails
                raise NotDone(_broken(method, alone) or reason)
            if number == 1 and (reason := _broken(method, taken) or _of_head(method, base, taken)):
                raise NotDone(reason)
            done[number].append(taken.cost)
            self._contended.append(taken.contended or taken.cost.contended)
        return done


def _of_base(method: str, base: Runs, taken: Taken) -> Verdict | None:
    """Why base has nothing to compare with.

    If its run failed, head may contain the fix, so the verdict does not fail.
    """
    if taken.problem:
        return Verdict(method, "", Outcome.NEW if taken.absent else Outcome.INCOMPARABLE, taken.problem)
    if taken.status == Status.UNSUPPORTED:
        return Verdict(method, "", Outcome.INCOMPARABLE, f"unsupported in {base.name}: {taken.reason}")
    return None


def _of_head(method: str, base: Runs, taken: Taken) -> Verdict | None:
    if taken.status == Status.UNSUPPORTED:
        return Verdict(method, "", Outcome.INVALID, f"ok in {base.name}, now unsupported: {taken.reason}")
    return None


def _broken(method: str, taken: Taken) -> Verdict | None:
    return Verdict(method, "", Outcome.INVALID, taken.problem) if taken.problem else None


def _pass(method: str, metric: str, runs: Sequence[Sequence[RecordedCost]]) -> Pass | None:
    """The four times of a pass; ``None`` if base does not report this time, as for a method that never trains."""
    base, head = ([getattr(cost, metric) for cost in side] for side in runs)
    if all(value is None for value in base):
        return None
    for value in (*base, *head):
        if value is None or not 0 < value < math.inf:
            raise NotDone(Verdict(method, metric, Outcome.INVALID, f"one of its runs took {value} seconds"))
    return Pass((base[0], base[1]), (head[0], head[1]))


def _counts(method: str, runs: Sequence[Sequence[RecordedCost]], suite: Suite) -> list[Verdict]:
    """The verdicts on counts, which must be the same on both sides."""
    then, now = runs[0][0], runs[1][0]
    return [_count(method, name, getattr(then, name), getattr(now, name), suite) for name in COUNTS]


def _count(method: str, name: str, then: int | None, now: int | None, suite: Suite) -> Verdict:
    seed, in_seconds = suite.run.seeds[0], suite.budget.max_seconds is not None
    outcome, detail = compare(name, {seed: (then, now)}, in_seconds=in_seconds)
    if outcome == Outcome.REGRESSED and then is None:
        return Verdict(method, name, Outcome.INCOMPARABLE, "base does not report it")
    return Verdict(method, name, outcome, detail)
