"""The items of ``pytest --benchmark``: each search of the suite, each of its runs, and each row of its gate."""

import pytest

from harness.session import CLOCK, Bakeoff
from harness.session_gate import Gate


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
    if reason := bakeoff.unsupported(record):
        pytest.skip(reason)
    for problem in bakeoff.problems(record):
        pytest.fail(problem, pytrace=False)


def test_gate(row: str, gate: Gate, subtests: pytest.Subtests, request: pytest.FixtureRequest) -> None:
    """The row is not worse than its baseline, in any metric, and is there at all."""
    verdicts = gate.verdicts(row)
    for verdict in verdicts:
        request.node.user_properties.append((f"gate_{verdict.metric or 'row'}", verdict.message))
        with subtests.test(verdict.metric or "row"):
            if verdict.fails:
                pytest.fail(verdict.message, pytrace=False)
    if not gate.summary.compared:
        pytest.fail(gate.summary.line, pytrace=False)
    if not verdicts:
        pytest.skip("not in this suite, and in the baseline of another machine only")
