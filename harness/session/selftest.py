"""The session of ``--gate-selftest``: the gate tested on an unchanged method and on methods made worse."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path

from ..gate.against.comparison import Comparison
from ..gate.against.side import Side
from ..gate.scratch import Scratch
from ..gate.selftest import drop
from ..gate.selftest.case import CASES, SCORE, Case, Tried, about
from ..gate.selftest.drop import Drop
from ..gate.selftest.trial import PROBE, ProbeProject
from ..gate.verdict import Outcome, Verdict
from ..spec import suite_file
from ..spec.suite import Suite

MAX_STEPS = 20
# Enough test rows to detect that answers are worse; a suite that uses fewer is tested on this many rows of its data.
MIN_TEST_ROWS = 600
NO_FLOOR = -1e9  # points that any method gains


class Selftest:
    """The cases, each tested in temporary projects with a suite's model, data, metrics and batch size.

    ``close`` ends their sessions and removes the projects.
    """

    def __init__(self, suite: Suite, device: str | None = None, metrics: Sequence[Path] = ()):
        self.suite = small(suite)
        self.tried: dict[str, Tried] = {}
        self._own_rows = suite.task.test_rows
        self._device = device
        self._metrics = metrics  # folders with the project's own
        self._opened = ExitStack()
        self._folder = self._opened.enter_context(closing(Scratch("tuneoff-selftest-"))).folder
        self.close = self._opened.close

    def attempt(self, name: str) -> Tried:
        """Test a case."""
        case = CASES[name]
        self.tried[name] = Tried(case, self._by_time(case)) if case.by_time else self._by_gate(name)
        return self.tried[name]

    @cached_property
    def _accepted(self) -> tuple[ProbeProject, drop.Answered | None, str | None]:
        """A project with the honest results as its baseline, its predictions, and what went wrong, if anything."""
        project = self._project("gated", "honest")
        problem = project.accept()
        return project, None if problem else project.answered(), problem

    @cached_property
    def _base(self) -> Side:
        return self._opened.enter_context(closing(self._side("base", "honest")))

    def _side(self, name: str, probe: str) -> Side:
        return Side(self._project(name, probe).sessions, self.suite, PROBE)

    def _project(self, name: str, probe: str) -> ProbeProject:
        return ProbeProject(self._folder / name, self.suite, probe, self._device, self._metrics)

    def _by_time(self, case: Case) -> list[Verdict]:
        with closing(self._side(f"head_{case.probe}", case.probe)) as head:
            return Comparison(self.suite, self._base, head).verdicts(PROBE)

    def _by_gate(self, name: str) -> Tried:
        project, honest, problem = self._accepted
        if problem:
            return Tried(CASES[name], [Verdict(PROBE, "", Outcome.INVALID, problem)])
        case = about(name, honest[0].metrics[0]) if honest else CASES[name]
        project.put(case.probe)
        said = [one for one in project.judge("--gate") if one.row in (PROBE, f"test_gate[{PROBE}]")]
        return Tried(case, said, self._drop(honest, project.answered()) if CASES[name].metric == SCORE else None)

    def _drop(self, honest: drop.Answered | None, probe: drop.Answered | None) -> Drop | None:
        margin = self.suite.evaluation.margin
        return drop.between(honest, probe, self._own_rows, margin) if honest and probe else None


def small(suite: Suite) -> Suite:
    """The suite with the probe as its only method, one seed, few steps, and enough test rows to show a loss."""
    content = suite_file.only(suite, PROBE)
    content["budget"] = {"max_steps": min(MAX_STEPS, suite.budget.max_steps or MAX_STEPS)}
    content["evaluation"] = {**content.get("evaluation", {}), "floor": NO_FLOOR}
    if suite.task.test_rows is not None:
        content["task"]["test_rows"] = max(MIN_TEST_ROWS, suite.task.test_rows)
    return Suite.model_validate({"name": suite.name, **content})
