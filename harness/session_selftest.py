"""The gate tried on a method that changes nothing and on methods that are worse in one way each, end to end."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness import suite_file
from harness.comparison import Comparison
from harness.scratch import Scratch
from harness.suite import Suite
from harness.trial import PROBE, Said, Trial
from harness.verdict import Outcome

STEPS = 20


@dataclass(frozen=True)
class Case:
    """A probe beside the honest one; ``metric`` is the one that must be ``regressed``, or none must."""

    probe: str
    metric: str
    what: str
    by_time: bool = False


CASES = {
    "same_times": Case("honest", "", "nothing: times of the same method (--against)", by_time=True),
    "slower": Case("slower", "step_seconds_median", "a step takes 20% longer (--against)", by_time=True),
    "same_scores": Case("honest", "", "nothing: the same method trained again (--gate)"),
    "shorter": Case("shorter", "rouge1", "summaries lose their last four words (--gate)"),
    "larger": Case("larger", "trainable_parameters", "one more trainable tensor (--gate)"),
}


class Selftest:
    """The cases, each done in projects of its own in the temporary folder, on a suite's model, data and batch size."""

    def __init__(self, suite: Suite, device: str | None = None):
        self.suite = small(suite)
        self.said: dict[str, Sequence[Said]] = {}
        self._device = device

    def problem(self, case: str) -> str:
        """Why the gate is not to be relied on here; empty if it was right."""
        asked = CASES[case]
        found = self.said[case] = self._by_time(asked) if asked.by_time else self._by_gate(asked)
        if broken := _broken(found):
            return "\n".join(one.message for one in broken)
        if _right(case, found):
            return ""
        told = [one.message for one in found if (one.metric == asked.metric if asked.metric else one.fails)]
        return "\n".join([f"not caught: {asked.what}" if asked.metric else "a false alarm:", *told])

    @property
    def table(self) -> list[tuple[str, str, str]]:
        """What was changed, whether the gate was right, and what it said."""
        return [(CASES[case].what, _result(case, found), _told(case, found)) for case, found in self.said.items()]

    @property
    def line(self) -> str:
        """The false alarms and what was caught, in one line."""
        same = [one for case, found in self.said.items() if not CASES[case].metric for one in found]
        worse = [_right(case, found) for case, found in self.said.items() if CASES[case].metric]
        alarms = sum(one.fails for one in same)
        return f"false alarms: {alarms} of {len(same)} verdicts; caught: {sum(worse)} of {len(worse)} that are worse"

    def close(self) -> None:
        """Remove the projects."""
        if "_scratch" in self.__dict__:
            self._scratch.close()

    @cached_property
    def _scratch(self) -> Scratch:
        return Scratch("tuneoff-selftest-")

    @cached_property
    def _base(self) -> Trial:
        return self._trial("base", "honest")

    @cached_property
    def _accepted(self) -> tuple[Trial, str]:
        """A project whose honest results were accepted, and what went wrong with that."""
        trial = self._trial("gated", "honest")
        return trial, trial.accept()

    def _trial(self, name: str, probe: str) -> Trial:
        return Trial(self._scratch.folder / name, self.suite, probe, self._device)

    def _by_time(self, case: Case) -> list[Said]:
        head = self._trial(f"head_{case.probe}", case.probe)
        found = Comparison(self.suite, self._base.side, head.side).verdicts(PROBE)
        return [Said("", one.metric, one.outcome, one.message) for one in found]

    def _by_gate(self, case: Case) -> list[Said]:
        trial, problem = self._accepted
        if problem:
            return [Said("", "", Outcome.INVALID, problem)]
        trial.put(case.probe)
        return [one for one in trial.judge("--gate") if one.item in (f"test_gate[{PROBE}]", "")]


def small(suite: Suite) -> Suite:
    """The suite with the probe for its only method, one seed and few steps."""
    content = suite_file.only(suite, PROBE)
    content["budget"] = {"max_steps": min(STEPS, suite.budget.max_steps or STEPS)}
    content["evaluation"] = {**content.get("evaluation", {}), "floor": -100.0}
    return Suite.model_validate({"name": suite.name, **content})


def _right(case: str, found: Sequence[Said]) -> bool:
    """Whether what was made worse is red, or nothing is where nothing was."""
    metric = CASES[case].metric
    if metric:
        return any(one.fails for one in found if one.metric == metric)
    return any(one.outcome == Outcome.PASS for one in found) and not any(one.fails for one in found)


def _broken(found: Sequence[Said]) -> list[Said]:
    """What says that there was nothing to judge."""
    return [
        one
        for one in found
        if one.outcome in (Outcome.INVALID, Outcome.MISSING, Outcome.INCOMPARABLE) and not one.metric
    ]


def _result(case: str, found: Sequence[Said]) -> str:
    if _broken(found):
        return "could not be tried"
    if CASES[case].metric:
        return "caught" if _right(case, found) else "missed"
    return "green" if _right(case, found) else "false alarm"


def _told(case: str, found: Sequence[Said]) -> str:
    """The message that matters most."""
    order = list(Outcome)
    ordered = sorted(found, key=lambda one: (one.metric != CASES[case].metric, order.index(one.outcome)))
    return ordered[0].message if ordered else ""
