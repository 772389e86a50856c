"""The leaderboard's intervals are drawn so that those of the better methods can be read."""

from dataclasses import replace

import pytest

from harness.ranking import leaderboard
from harness.ranking.intervals import Interval
from harness.report import whiskers
from harness.report.whiskers import Scale, Whisker
from harness.spec.metric import Metric
from support.records import entry

METRIC = Metric(id="score", title="score")


def rows(*levels):
    found = [entry(f"m{number}", level, seed, rows=40) for number, level in enumerate(levels) for seed in range(3)]
    return leaderboard.rows(found)


def test_the_scale_has_room_for_the_better_half_and_stops_at_the_outermost_interval():
    near, far = rows(0.5, 0.48, 0.46), rows(0.5, 0.48, 0.02, 0.01)
    ends = [bound * 100 for row in near for bound in (row.scores["rouge1"].low, row.scores["rouge1"].high)]
    assert whiskers.scale(near).right == pytest.approx(max(ends))
    assert 20 < whiskers.scale(far).left < 45


@pytest.mark.parametrize(
    ("score", "drawn"),
    [
        (Interval(0.5, 0.45, 0.65), Whisker(50.0, 25.0, 100.0, "")),
        (Interval(0.1, None, None), Whisker(0.0, None, None, "‹")),
        (Interval(0.9, 0.55, 0.95), Whisker(100.0, 75.0, 100.0, "›")),
    ],
)
def test_what_is_beyond_the_scale_is_an_arrow_at_its_edge(score, drawn):
    found = whiskers.whisker(score, METRIC, Scale(40.0, 60.0))
    assert (found.beyond, found.point) == (drawn.beyond, pytest.approx(drawn.point))
    assert (found.start, found.end) == pytest.approx((drawn.start, drawn.end))


def test_equal_scores_have_a_scale():
    alone = [replace(row, scores={"rouge1": Interval(0.5, None, None)}) for row in rows(0.5)]
    assert whiskers.scale(alone) == Scale(49.5, 50.5)
    assert whiskers.scale([]) == Scale(0.0, 1.0)
