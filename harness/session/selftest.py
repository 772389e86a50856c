"""The gate tried on a method that changes nothing and on methods that are worse in one way each, end to end."""

from functools import cached_property

from ..gate.against.comparison import Comparison
from ..gate.scratch import Scratch
from ..gate.selftest import drop
from ..gate.selftest.case import Case, Result, Tried, about
from ..gate.selftest.drop import Drop
from ..gate.selftest.trial import PROBE, ProbeProject, Said
from ..gate.verdict import Outcome
from ..spec import suite_file
from ..spec.metric import Metric
from ..spec.suite import Suite
from ..tasks import scored_by

STEPS = 20
ROWS = 600  # test rows that show four lost words; a suite that asks fewer is tried on so many of its data


class Selftest:
    """The cases, each done in projects of its own in the temporary folder, on a suite's model, data and batch size."""

    def __init__(self, suite: Suite, device: str | None = None):
        self.suite = small(suite)
        self.tried: dict[str, Tried] = {}
        self._own_rows = suite.task.test_rows
        self._device = device

    def attempt(self, name: str) -> Tried:
        """Try a case."""
        case = about(name, self._ranks)
        self.tried[name] = Tried(case, self._by_time(case)) if case.by_time else self._by_gate(case)
        return self.tried[name]

    @property
    def table(self) -> list[tuple[str, str, str]]:
        """What was changed, whether the gate was right, and what it said."""
        return [(one.case.what, str(one.result), one.told) for one in self.tried.values()]

    @property
    def lines(self) -> list[str]:
        """The false alarms and what was caught, and which loss of a score the suite's examples show."""
        same = [said for one in self.tried.values() if not one.case.metric for said in one.said]
        worse = [one.result for one in self.tried.values() if one.case.metric]
        seen, caught = [result for result in worse if result != Result.UNSEEN], worse.count(Result.CAUGHT)
        line = f"false alarms: {sum(one.fails for one in same)} of {len(same)} verdicts; "
        line += f"caught: {caught} of {len(seen)} that are worse"
        line += f"; {worse.count(Result.UNSEEN)} cannot be seen here" if Result.UNSEEN in worse else ""
        drops = [one.drop for one in self.tried.values() if one.drop]
        return [line, *(f"lost words show from {each.smallest}" for each in drops)]

    def close(self) -> None:
        """Remove the projects."""
        if "_scratch" in self.__dict__:
            self._scratch.close()

    @cached_property
    def _scratch(self) -> Scratch:
        return Scratch("tuneoff-selftest-")

    @cached_property
    def _base(self) -> ProbeProject:
        return self._trial("base", "honest")

    @cached_property
    def _accepted(self) -> tuple[ProbeProject, drop.Answered | None, str]:
        """A project whose honest results were accepted, what it answered, and what went wrong with that."""
        trial = self._trial("gated", "honest")
        problem = trial.accept()
        return trial, None if problem else trial.answered(), problem

    @property
    def _ranks(self) -> Metric:
        """The metric that ranks."""
        return scored_by.scorer_of(self.suite.task).metrics[0]

    def _trial(self, name: str, probe: str) -> ProbeProject:
        return ProbeProject(self._scratch.folder / name, self.suite, probe, self._device)

    def _by_time(self, case: Case) -> list[Said]:
        head = self._trial(f"head_{case.probe}", case.probe)
        found = Comparison(self.suite, self._base.side, head.side).verdicts(PROBE)
        return [Said("", one.metric, one.outcome, one.message) for one in found]

    def _by_gate(self, case: Case) -> Tried:
        trial, honest, problem = self._accepted
        if problem:
            return Tried(case, [Said("", "", Outcome.INVALID, problem)])
        trial.put(case.probe)
        said = [one for one in trial.judge("--gate") if one.item in (f"test_gate[{PROBE}]", "")]
        return Tried(case, said, self._drop(honest, trial.answered()) if case.metric == self._ranks.id else None)

    def _drop(self, honest: drop.Answered | None, probe: drop.Answered | None) -> Drop | None:
        margin = self.suite.evaluation.margin
        return drop.between(honest, probe, self._own_rows, margin) if honest and probe else None


def small(suite: Suite) -> Suite:
    """The suite with the probe for its only method, one seed, few steps, and test rows enough to show a loss."""
    content = suite_file.only(suite, PROBE)
    content["budget"] = {"max_steps": min(STEPS, suite.budget.max_steps or STEPS)}
    content["evaluation"] = {**content.get("evaluation", {}), "floor": -100.0}
    if suite.task.test_rows is not None:
        content["task"]["test_rows"] = max(ROWS, suite.task.test_rows)
    return Suite.model_validate({"name": suite.name, **content})
