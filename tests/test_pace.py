"""The time that is left is told by the runs that were executed, not by those that were reused."""

from harness.cli.progress import Pace


def test_the_time_left_is_what_the_other_runs_take_if_they_take_as_long():
    pace = Pace()
    pace.add(30.0, reused=False)
    pace.add(50.0, reused=False)
    assert pace.left(9, since=0.0) == 360.0
    assert pace.left(9, since=60.0) == 300.0


def test_reused_runs_say_nothing_about_the_time_left():
    pace = Pace()
    for _ in range(60):
        pace.add(0.01, reused=True)
    assert pace.left(10, since=1.0) is None
    pace.add(40.0, reused=False)
    assert pace.left(9, since=0.0) == 360.0


def test_nobody_knows_the_time_left_of_runs_that_take_longer_than_those_before():
    pace = Pace()
    pace.add(1.0, reused=False)
    assert pace.left(1, since=2.0) is None
