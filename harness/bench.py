"""The items of ``pytest --benchmark``: one test for each search, run, gate row, compared method, self-test case or fit.

A session contains only the tests whose first parameter has values.
"""

from collections.abc import Sequence

import pytest

from .gate.verdict import VERDICTS, Verdict, remarks, to_json
from .session import judge
from .session.against import Against
from .session.bakeoff import Bakeoff
from .session.clock import CLOCK
from .session.footprints import Footprints
from .session.gate import Gate
from .session.selftest import Selftest


def test_search(search: str, bakeoff: Bakeoff, request: pytest.FixtureRequest) -> None:
    """A learning rate was found for the method, before its runs use it."""
    found = bakeoff.searches.finish(search)
    request.node.user_properties.extend(bakeoff.searches.figures(found).items())
    if found.unsupported:
        pytest.skip(found.unsupported)
    if problem := bakeoff.searches.problem(found):
        pytest.fail(problem, pytrace=False)


@pytest.mark.benchmark(timer=CLOCK)
def test_method(run: str, bakeoff: Bakeoff, benchmark, request) -> None:  # type: ignore[no-untyped-def]
    """The run finishes ``ok``, keeps its budget, and a trained method beats zero-shot by the suite's floor."""
    record = benchmark.pedantic(bakeoff.execute, args=(run,))
    for name, value in bakeoff.figures(record).items():
        benchmark.extra_info[name] = value
        request.node.user_properties.append((name, value))  # record_property warns beside --junitxml
    if reason := judge.unsupported(record):
        pytest.skip(reason)
    if problems := bakeoff.problems(record):
        pytest.fail("\n".join(problems), pytrace=False)


def test_gate(row: str, gate: Gate, subtests: pytest.Subtests, request: pytest.FixtureRequest) -> None:
    """The row exists and is not worse than its baseline in any metric."""
    verdicts = gate.verdicts(row)
    _report(verdicts, subtests, request)
    if not gate.summary.compared:
        pytest.fail("\n".join([*remarks(verdicts), "nothing was compared, so the session fails"]), pytrace=False)


def test_against(method: str, against: Against, subtests: pytest.Subtests, request: pytest.FixtureRequest) -> None:
    """The method is as large as in the other revision and not slower."""
    _report(against.verdicts(method), subtests, request)


def test_selftest(case: str, selftest: Selftest) -> None:
    """The gate is green if nothing changed, and red if something became detectably worse."""
    tried = selftest.attempt(case)
    if tried.unseen:
        pytest.skip(tried.unseen)
    if tried.problem:
        pytest.fail(tried.problem, pytrace=False)


def test_fit(fit: str, footprints: Footprints, request: pytest.FixtureRequest) -> None:
    """The method's runs fit into the memory of their device."""
    footprints.find([fit], again=True)
    found = footprints.of(fit)
    request.node.user_properties.extend(footprints.figures(fit).items())
    if found and found.unsupported:
        pytest.skip(found.reason or "")
    if problem := footprints.problem(fit):
        pytest.fail(problem, pytrace=False)


def _report(verdicts: Sequence[Verdict], subtests: pytest.Subtests, request: pytest.FixtureRequest) -> None:
    """Report each verdict as a sub-test and as a property of the item, and all of them as one property in JSON."""
    request.node.user_properties.append((VERDICTS, to_json(verdicts)))
    for verdict in verdicts:
        request.node.user_properties.append((f"gate_{verdict.metric or 'row'}", verdict.message))
        with subtests.test(verdict.metric or "row"):
            if verdict.fails:
                pytest.fail(verdict.message, pytrace=False)
