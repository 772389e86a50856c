"""The verdict on times: what counts as slower, what as noise, and how that is told."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.gate.against import timing
from harness.gate.against.timing import Pass
from harness.gate.verdict import Outcome

QUIET = [0.004, -0.003, 0.002, -0.005]  # A/A log ratios of a machine that is left alone


def runs(base, ratio, wobble=0.0):
    """A pass in which head takes ``ratio`` times as long, the second pair a little more."""
    return Pass((base, base * (1 + wobble)), (base * ratio, base * ratio * (1 + wobble)))


def judged(*passes, controls=QUIET, metric="step_seconds_median"):
    return timing.verdict("lora", metric, passes, controls)


def test_the_ratios_are_of_each_pair_and_the_controls_of_each_side():
    one = Pass(base=(1.0, 2.0), head=(3.0, 4.0))
    assert np.exp(one.ratios) == pytest.approx([3.0, 2.0])
    assert np.exp(one.controls) == pytest.approx([2.0, 4 / 3])


def test_a_drift_of_the_machine_cancels_out_in_base_head_head_base():
    first, second, third, fourth = (math.exp(0.1 * place) for place in range(4))
    found = judged(Pass(base=(first, fourth), head=(second, third)))
    assert (found.outcome, found.detail.split()[0]) == (Outcome.PASS, "+0.0%")


def test_a_step_that_takes_as_long_passes():
    assert judged(runs(0.3, 1.03)).outcome == Outcome.PASS


def test_a_slower_step_is_regressed_once_another_pass_confirms_it():
    first, second = runs(0.3, 1.2), runs(0.3, 1.19)
    assert timing.undecided("step_seconds_median", [first], QUIET)
    assert not timing.undecided("step_seconds_median", [first, second], QUIET)
    assert judged(first).outcome == Outcome.INCONCLUSIVE
    found = judged(first, second)
    assert found.outcome == Outcome.REGRESSED
    assert found.fails


@pytest.mark.parametrize("controls", [[0.0] * 4, QUIET], ids=["silent", "quiet"])
@pytest.mark.parametrize(
    ("ratio", "outcome"),
    [
        (1.0, Outcome.PASS),
        (1.049, Outcome.PASS),
        (1.051, Outcome.REGRESSED),
        (1.08, Outcome.REGRESSED),
        (1 / 1.049, Outcome.PASS),
        (1 / 1.051, Outcome.IMPROVED),
    ],
)
def test_on_a_quiet_machine_five_percent_are_the_border_on_either_side(ratio, outcome, controls):
    passes = runs(0.3, ratio), runs(0.3, ratio)
    assert timing.undecided("step_seconds_median", passes[:1], controls) == (outcome != Outcome.PASS)
    assert judged(*passes, controls=controls).outcome == outcome


@pytest.mark.parametrize("ratio", [1.051, 1.08])
def test_one_pass_of_a_slower_method_does_not_pass_on_the_quietest_machine(ratio):
    assert judged(runs(0.3, ratio), controls=[0.0] * 4).outcome == Outcome.INCONCLUSIVE


def test_what_passes_is_shown_not_to_be_slower_by_a_tenth():
    ratio, pairs, count = 1.03, 2, 6
    bearable = (math.log(1.10) - math.log(ratio)) / stats.t.isf(0.05, count) * math.sqrt(pairs)
    for factor, outcome in ((0.99, Outcome.PASS), (1.01, Outcome.INCONCLUSIVE)):
        controls = [factor * bearable, -factor * bearable] * (count // 2)
        assert judged(runs(0.3, ratio), controls=controls).outcome == outcome


def test_on_a_noisy_machine_the_tolerance_is_what_it_goes_beyond_once_in_740_times():
    count, pairs = 4, 4
    error = 0.05 / math.sqrt(pairs)
    limit = error * stats.t.isf(stats.norm.sf(3), count)
    assert limit > math.log(1.05)
    for factor, outcome in ((1.01, Outcome.REGRESSED), (0.99, Outcome.INCONCLUSIVE)):
        passes = 2 * [runs(0.3, math.exp(factor * limit))]
        assert judged(*passes, controls=[0.05, -0.05] * (count // 2)).outcome == outcome
        passes = 2 * [runs(0.3, math.exp(-factor * limit))]
        assert (judged(*passes, controls=[0.05, -0.05] * (count // 2)).outcome == Outcome.IMPROVED) == (factor > 1)


def test_a_single_pair_that_is_far_off_moves_nothing():
    steady, spoilt = runs(0.3, 1.02), Pass(base=(0.3, 0.3), head=(0.3 * 1.02, 3.0))
    found = judged(spoilt, steady)
    assert found.outcome == Outcome.PASS
    assert found.detail.startswith("+2.0% (")


def test_what_the_last_pass_alone_says_confirms_those_before_it_and_no_other_does():
    slow, even = runs(0.3, 1.3), runs(0.3, 1.04)
    assert judged(slow, slow, even).outcome == Outcome.INCONCLUSIVE
    assert judged(even, slow, slow).outcome == Outcome.REGRESSED
    fast = runs(0.3, 1 / 1.3)
    assert judged(fast, fast, runs(0.3, 1 / 1.04)).outcome != Outcome.IMPROVED


def test_what_the_machines_noise_could_hide_does_not_pass():
    loud = [0.3, -0.2, 0.25, -0.3]
    assert judged(runs(0.3, 0.9), runs(0.3, 0.95), controls=loud).outcome == Outcome.INCONCLUSIVE
    assert judged(runs(0.3, 1.04), controls=[0.05, -0.05]).outcome == Outcome.INCONCLUSIVE


def test_what_the_confirming_pass_does_not_see_is_not_regressed():
    found = judged(runs(0.3, 1.5), runs(0.3, 1.01))
    assert found.outcome == Outcome.INCONCLUSIVE
    assert not found.fails


def test_what_no_other_pass_confirmed_is_not_improved_either():
    assert judged(runs(0.3, 0.8)).outcome == Outcome.PASS
    assert judged(runs(0.3, 0.8), runs(0.3, 0.81)).outcome == Outcome.IMPROVED


def test_on_a_noisy_machine_more_is_tolerated():
    passes = runs(0.3, 1.2), runs(0.3, 1.2)
    assert judged(*passes, controls=[0.1, -0.1, 0.1, -0.1]).outcome == Outcome.INCONCLUSIVE
    assert judged(*passes, controls=[0.04, -0.04, 0.04, -0.04]).outcome == Outcome.REGRESSED


def test_what_the_noise_hides_is_looked_at_again_but_not_for_ever():
    loud = [0.1, -0.1, 0.1, -0.1]
    assert timing.undecided("step_seconds_median", 2 * [runs(0.3, 1.2)], loud)
    assert not timing.undecided("step_seconds_median", timing.MAX_PASSES * [runs(0.3, 1.2)], 3 * loud)


def test_after_the_last_pass_nothing_is_looked_at_again_however_near_a_verdict_is():
    passes, controls = timing.MAX_PASSES * [runs(0.3, 1.17)], timing.MAX_PASSES * [0.2, -0.2]
    assert timing.undecided("step_seconds_median", passes[1:], controls)
    assert not timing.undecided("step_seconds_median", passes, controls)


def test_a_small_move_in_much_noise_is_not_looked_at_again():
    assert not timing.undecided("step_seconds_median", 2 * [runs(0.3, 1.06)], [0.3, -0.3, 0.3, -0.3])


def test_the_noise_floor_is_that_of_a_median_of_so_many_pairs():
    many = [0.06, -0.08] * 5000
    assert timing.noise(many, 1) == pytest.approx(math.sqrt((0.06**2 + 0.08**2) / 2), rel=0.001)
    assert timing.noise(many, 4) == pytest.approx(timing.noise(many, 1) / 2)


def test_a_noise_floor_that_few_ratios_show_is_taken_to_be_larger():
    few, many = ([0.06, -0.08] * times for times in (2, 5000))
    assert timing.noise(few, 4) == pytest.approx(
        stats.t.isf(stats.norm.sf(3), 4) / 3 * timing.noise(many, 4), rel=0.001
    )


def test_a_message_says_what_moved_how_far_and_how_sure_that_is():
    assert judged(runs(0.3, 1.2), runs(0.3, 1.2)).message == (
        "lora step_seconds_median: regressed: +20.0% (300 ms → 360 ms, median of 4 pairs, +20.0% in the last "
        "pass alone; tolerance 5.0%, noise floor 0.4% from 4 A/A ratios)"
    )


def test_a_time_that_is_too_short_is_not_compared():
    found = judged(runs(0.0004, 3.0), controls=[], metric="generate_seconds")
    assert (found.outcome, found.detail) == (Outcome.INCOMPARABLE, "0.4 ms → 1.2 ms: too short to compare")
    assert not timing.undecided("generate_seconds", [runs(0.0004, 3.0)], [])


@pytest.mark.parametrize(
    ("metric", "least"), [("step_seconds_median", 0.001), ("train_seconds", 0.1), ("generate_seconds", 0.1)]
)
def test_a_time_is_short_below_its_own_least_on_both_sides(metric, least):
    assert not timing.short(metric, [Pass((least, least), (least, least))])
    assert timing.short(metric, [Pass((0.99 * least, 0.99 * least), (0.99 * least, 0.99 * least))])
    assert not timing.short(metric, [Pass((0.5 * least, 0.5 * least), (least, least))])
    assert not timing.short(metric, [Pass((least, least), (0.5 * least, 0.5 * least))])


def test_what_more_passes_cannot_tell_from_noise_is_not_looked_at_again():
    count = 8  # controls of two passes; of six there would be three times as many
    error = 0.2 / math.sqrt(2 * timing.MAX_PASSES)
    half = error * stats.t.isf(stats.norm.sf(3), 3 * count) / 2
    for factor, again in ((0.99, False), (1.01, True)):
        passes = 2 * [runs(0.3, math.exp(factor * half))]
        assert timing.undecided("step_seconds_median", passes, [0.2, -0.2] * (count // 2)) == again


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.0004, "0.4 ms"), (0.3, "300 ms"), (0.99949, "999 ms"), (1.0, "1.00 s"), (75.256, "75.26 s")],
)
def test_times_are_told_in_seconds_from_one_second_on(seconds, told):
    assert judged(runs(seconds, 1.0), metric="step_seconds_median").detail.split("→")[0].endswith(f"{told} ")


def test_a_time_that_is_no_longer_short_is_compared():
    assert timing.undecided("generate_seconds", [runs(0.0004, 3000.0)], [])


@pytest.mark.parametrize(("noise", "alarms", "caught"), [(0.01, 0.0, 1.0), (0.03, 0.01, 0.99), (0.08, 0.02, 0.85)])
def test_false_alarms_are_rare_and_a_fifth_more_is_seen(noise, alarms, caught):
    random = np.random.default_rng(0)

    def is_red(ratio):
        """Whether one method on a machine with that scatter is red."""
        passes, controls = [], []
        while not passes or timing.undecided("train_seconds", passes, controls):
            base, head = np.exp(noise * random.normal(size=(2, 2)))
            passes.append(Pass(tuple(base), tuple(ratio * head)))
            controls += passes[-1].controls
        return timing.verdict("lora", "train_seconds", passes, controls).fails

    assert np.mean([is_red(1.0) for _ in range(1000)]) <= alarms
    assert np.mean([is_red(1.2) for _ in range(300)]) >= caught
