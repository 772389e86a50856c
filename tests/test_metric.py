"""A metric's description says which way is better, what values there are, and how people read them."""

import math

import pytest

from harness.metrics.scoring import Scorer
from harness.spec.metric import Direction, Metric, options_of

F1 = Metric(id="f1", title="F1")
LOSS = Metric(id="loss", title="loss", better=Direction.LOWER, high=None, unit="nats", scale=1.0)


class Verbatim(Scorer):
    """As little as a scorer may be."""

    title = "verbatim"
    metrics = (F1,)

    def scores(self, texts, references):
        return [({"f1": float(text in known)},) * 2 for text, known in zip(texts, references, strict=True)]


def test_a_scorer_need_only_score():
    scorer = Verbatim()
    assert scorer.settled({}, ["An answer."]).metrics == (F1,)
    with scorer.reading({}):
        assert scorer.scores(["yes", "no"], [["yes"], ["yes"]])[1] == ({"f1": 0.0}, {"f1": 0.0})
    assert scorer.words("two words", {}) == ["two", "words"]
    assert scorer.reads("", {})
    assert scorer.remedy([""], {}) == ""


def test_a_gain_is_in_the_metrics_unit_and_above_zero_for_the_better():
    assert F1.gain(0.41, 0.2) == pytest.approx(21)
    assert LOSS.gain(2.0, 2.5) == pytest.approx(0.5)


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


def test_a_metric_without_bounds_takes_any_number():
    free = Metric(id="free", title="free", low=None, high=None)
    assert free.within(-1e9)
    assert not free.within(-math.inf)
    assert not free.within(math.nan)
    assert free.model_copy(update={"high": 0.0}).bounds == "0 or less"
    assert (F1.bounds, LOSS.bounds, free.bounds) == ("0 to 1", "0 or more", "all numbers")


def test_values_are_shown_in_the_metrics_unit():
    assert (F1.shown(0.46949), F1.shown(0.0), F1.shown(None)) == ("46.9", "0.0", "–")
    assert LOSS.shown(2.345, 2) == "2.35"
    assert (F1.file_unit, LOSS.file_unit) == ("share of 1", "nats")


def test_the_options_of_metrics_are_put_together():
    one = F1.model_copy(update={"options": {"lowercase": "yes"}})
    assert options_of([one, LOSS]) == {"lowercase": "yes"}
