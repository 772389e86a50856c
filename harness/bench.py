"""The items of ``pytest --benchmark``: one test for each run of the suite."""

import pytest

from harness.session import CLOCK, Bakeoff


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
