"""A metric's description says which way is better, what values there are, what a point is, and how people read it."""

import math

import pytest
from pydantic import ValidationError

from harness.metrics.scoring import Scorer
from harness.spec.metric import Direction, Metric, Needs, options_of

F1 = Metric(id="f1", title="F1")
LOSS = Metric(id="loss", title="loss", better=Direction.LOWER, high=None, unit="nats", scale=1.0)
STARS = Metric(id="stars", title="stars", low=1.0, high=5.0, unit="stars", scale=1.0)
FREE = Metric(id="free", title="free", low=None, high=None, unit="units", scale=1.0)


class Verbatim(Scorer):
    """As little as a scorer may be."""

    metrics = (F1,)

    def statistics(self, answers, references):
        return [text in known for text, known in zip(answers, references, strict=True)]


def test_a_scorer_need_only_count():
    scorer = Verbatim()
    settled = scorer.settled({}, ["An answer."])
    assert (settled.metrics, settled.unusual) == ((F1,), {})
    with scorer.reading({}):
        assert scorer.measured(["yes", "no"], [["yes"], ["yes"]]) == ([True, False], [{}, {}])
    assert scorer.words("two words", {}) == ["two", "words"]
    assert scorer.reads("", {})
    assert scorer.remedy([""], {}) == ""
    assert scorer.fits([]) is None


# What a point is


def test_a_point_is_a_hundredth_of_the_range():
    assert F1.gain(0.41, 0.2) == pytest.approx(21)
    assert STARS.gain(3.0, 2.0) == pytest.approx(25)
    assert (F1.worded("+21.0"), STARS.worded("25")) == ("+21.0 points", "25% of its range")


def test_a_point_is_one_per_cent_of_the_value_where_the_range_has_no_end():
    assert LOSS.gain(2.0, 2.5) == pytest.approx(20)
    assert LOSS.gain(3.0, 2.5) == pytest.approx(-20)
    assert LOSS.worded("−2.3") == "−2.3%"
    assert LOSS.gain(1.0, 0.0) < -1e9  # worse than nothing by more than any margin


def test_a_point_is_one_unit_where_there_is_no_bound_at_all():
    assert FREE.gain(-1.0, 2.0) == -3.0
    assert FREE.worded("-3.0") == "-3.0 units"


def test_a_range_that_is_empty_is_refused():
    with pytest.raises(ValidationError, match="its range is empty: low is 1, high is 0"):
        Metric(id="none", title="none", low=1.0, high=0.0)


# Values


def test_the_best_of_some_values_follows_the_direction():
    assert (F1.best([0.1, 0.3, 0.2]), LOSS.best([2.0, 1.0, 3.0])) == (0.3, 1.0)


def test_the_worst_value_is_an_end_of_the_range_or_unknown():
    assert (F1.worst, LOSS.worst) == (0.0, None)
    assert Metric(id="wer", title="WER", better=Direction.LOWER).worst == 1.0


@pytest.mark.parametrize(
    ("value", "metrics"),
    [(0.0, "f1 loss"), (1.0, "f1 loss"), (1.5, "loss"), (-0.1, ""), (math.nan, ""), (math.inf, "")],
)
def test_a_value_outside_of_the_range_and_what_is_no_number_are_told(value, metrics):
    assert " ".join(metric.id for metric in (F1, LOSS) if metric.within(value)) == metrics


def test_an_example_may_lie_outside_of_the_range_where_the_metric_is_about_all_of_them_together():
    together = F1.model_copy(update={"corpus": True})
    assert [value for value in (-0.5, 1.5, math.nan, math.inf) if together.takes(value)] == [-0.5, 1.5]
    assert not F1.takes(1.5)


def test_a_metric_without_bounds_takes_any_number():
    assert FREE.within(-1e9)
    assert not FREE.within(-math.inf)
    assert not FREE.within(math.nan)
    assert FREE.model_copy(update={"high": 0.0}).bounds == "0 or less"
    assert (F1.bounds, LOSS.bounds, FREE.bounds) == ("0 to 1", "0 or more", "all numbers")


def test_values_are_shown_in_the_metrics_unit_with_its_decimals():
    assert (F1.shown(0.46949), F1.shown(0.0), F1.shown(None)) == ("46.9", "0.0", "–")
    assert LOSS.shown(2.345, 2) == "2.35"
    fine = LOSS.model_copy(update={"digits": 3})
    assert (fine.shown(2.3456), fine.moved(0.1), F1.moved(-0.0123)) == ("2.346", "+0.100", "-1.2")
    assert (F1.file_unit, LOSS.file_unit) == ("share of 1", "nats")


def test_the_options_of_metrics_are_put_together():
    one = F1.model_copy(update={"options": {"lowercase": "yes"}})
    assert options_of([one, LOSS]) == {"lowercase": "yes"}


def test_what_is_usual_is_not_stored():
    assert {"digits", "corpus", "needs"}.isdisjoint(F1.model_dump())
    other = F1.model_copy(update={"digits": 2, "corpus": True, "needs": Needs.LIKELIHOODS})
    assert Metric.model_validate(other.model_dump(mode="json")) == other
