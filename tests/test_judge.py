"""A run that finished may still not count: it learned nothing, took too much, or gained too little."""

import pytest

from harness.session import judge
from harness.spec.metric import Metric
from harness.spec.record import Checks, Cost, Failure, Phase, Status
from harness.spec.suite import Budget, TaskTable
from support.records import finished, means, unfinished

ZERO_SHOT = finished(
    "zero_shot",
    scores=means(rouge1=0.2, rouge2=0.1, rougeL=0.2, rougeLsum=0.2),
    cost=Cost(trainable_parameters=0),
    predictions_hash="aaaaaaaaaaaa",
)


def trained(**cost):
    values = {"trainable_parameters": 688_128, "steps": 20, "optimizer_steps": 20, "train_seconds": 30.0}
    return finished(cost=Cost(**(values | cost)), checks=Checks(largest_change=0.1), predictions_hash="bbbbbbbbbbbb")


def within(**limits):
    record = trained()
    return record.model_copy(update={"spec": record.spec.model_copy(update={"budget": Budget(**limits)})})


def with_cost(record, **changes):
    return record.model_copy(update={"cost": record.cost.model_copy(update=changes)})


def test_a_method_that_learned_stays_ok_and_is_known_to_differ_from_zero_shot():
    judged = judge.judged(trained(), ZERO_SHOT)
    assert (judged.status, judged.checks.same_as_zero_shot, judged.error) == (Status.OK, False, None)


def test_a_method_whose_answers_are_all_zero_shots_is_a_no_op():
    judged = judge.judged(trained().model_copy(update={"predictions_hash": "aaaaaaaaaaaa"}), ZERO_SHOT)
    assert (judged.status, judged.checks.same_as_zero_shot) == (Status.NO_OP, True)
    assert judged.error.message == "every answer is the same as zero-shot's"
    assert "check that build() trains what generate() uses" in judged.error.remedy


CLASSES = TaskTable(name="classify")
YES_OR_NO = TaskTable(name="answer", labels=("yes", "no"))


def asking(task, record, **changes):
    """The record of a run with that task whose answers are zero-shot's."""
    asked = record.spec.model_copy(update={"task": task})
    return record.model_copy(update={"spec": asked, "predictions_hash": "aaaaaaaaaaaa", **changes})


@pytest.mark.parametrize("task", [CLASSES, YES_OR_NO], ids=["chosen", "generated"])
def test_the_same_labels_are_no_no_op_where_weights_changed_and_it_is_known_that_they_are_the_same(task):
    judged = judge.judged(asking(task, trained()), asking(task, ZERO_SHOT))
    assert (judged.status, judged.checks.same_as_zero_shot) == (Status.OK, True)
    still = judge.judged(asking(task, trained(), checks=Checks(largest_change=0.0)), asking(task, ZERO_SHOT))
    assert (still.status, still.error.message) == (Status.NO_OP, "no trainable weight changed")


def test_the_same_labels_are_a_no_op_where_they_are_not_likelier_either():
    before, after = (
        asking(CLASSES, record, metrics=(LIKELY,), scores={"perplexity": 20.0}) for record in (ZERO_SHOT, trained())
    )
    assert judge.judged(after, before).status == Status.NO_OP


def test_a_method_whose_weights_did_not_move_is_a_no_op():
    judged = judge.judged(trained().model_copy(update={"checks": Checks(largest_change=0.0)}), ZERO_SHOT)
    assert (judged.status, judged.error.message) == (Status.NO_OP, "no trainable weight changed")


def test_a_method_that_trains_nothing_is_no_no_op():
    same = finished("lead3", cost=Cost(trainable_parameters=0), predictions_hash="aaaaaaaaaaaa")
    assert judge.judged(same, ZERO_SHOT) == same


def test_beside_a_zero_shot_that_failed_nobody_knows_whether_the_answers_are_the_same():
    judged = judge.judged(trained(), unfinished("zero_shot"))
    assert (judged.status, judged.checks.same_as_zero_shot) == (Status.OK, None)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_what_failed_keeps_its_status(status):
    record = unfinished(status=status, cost=Cost(trainable_parameters=5, steps=1, optimizer_steps=2))
    assert judge.judged(record, ZERO_SHOT) == record


def test_more_optimiser_steps_than_batches_are_over_budget():
    judged = judge.judged(trained(optimizer_steps=21), ZERO_SHOT)
    assert judged.status == Status.OVER_BUDGET
    assert judged.error.message == "made 21 optimiser steps on 20 batches"


def test_fewer_optimiser_steps_than_batches_are_within_the_budget():
    assert judge.judged(trained(optimizer_steps=5), ZERO_SHOT).status == Status.OK


@pytest.mark.parametrize(
    ("train_seconds", "p90", "status"),
    [
        (106.0, None, Status.OK),
        (106.0, 0.5, Status.OK),
        (106.01, 0.5, Status.OVER_BUDGET),
        (111.0, 3.0, Status.OK),
        (111.01, 3.0, Status.OVER_BUDGET),
    ],
    ids=["a second more", "short steps", "over by short steps", "two long steps more", "over by long steps"],
)
def test_the_clock_may_only_run_over_by_a_twentieth_and_two_steps_or_a_second(train_seconds, p90, status):
    record = with_cost(within(max_seconds=100), train_seconds=train_seconds, step_seconds_p90=p90)
    assert judge.judged(record, ZERO_SHOT).status == status


def test_an_overrun_says_how_long_it_was_and_how_long_it_may_be():
    judged = judge.judged(with_cost(within(max_seconds=2.5), train_seconds=9.96), ZERO_SHOT)
    assert judged.error.message == "trained for 10.0 s on a budget of 2.5 s"


def test_a_method_that_learned_nothing_and_took_too_much_is_over_budget():
    record = trained(optimizer_steps=21).model_copy(update={"checks": Checks(largest_change=0.0)})
    assert judge.judged(record, ZERO_SHOT).status == Status.OVER_BUDGET


def test_a_method_of_which_nobody_measured_the_change_is_no_no_op():
    record = trained().model_copy(update={"checks": Checks(largest_change=None)})
    assert judge.judged(record, ZERO_SHOT).status == Status.OK


def test_the_smallest_change_is_one():
    record = trained().model_copy(update={"checks": Checks(largest_change=1e-12)})
    assert judge.judged(record, ZERO_SHOT).status == Status.OK


def test_without_a_limit_on_seconds_no_time_is_too_long():
    assert judge.judged(with_cost(within(max_steps=20), train_seconds=9e9), ZERO_SHOT).status == Status.OK


def test_a_gain_below_the_floor_is_a_problem_that_says_by_how_much_and_what_to_do():
    (problem,) = judge.problems(trained(), ZERO_SHOT, floor=25.0)
    assert problem == (
        "ROUGE-1 differs from zero-shot's by +21.0 points, but the suite requires at least +25.0; "
        "tune learning_rate in [methods.lora], or lower evaluation.floor"
    )


@pytest.mark.parametrize(
    ("score", "floor", "enough"),
    [
        (0.41, 21.0, True),  # in binary 0.41 - 0.2 is a little less than 0.21
        (0.45, 25.0, True),
        (0.41, 21.01, False),
        (0.41, 20.0, True),
        (0.2, 0.0, True),
        (0.19, -1.0, True),
        (0.19, -0.99, False),
    ],
)
def test_a_gain_that_meets_the_floor_is_no_problem(score, floor, enough):
    scores = means(rouge1=score, rouge2=0.0, rougeL=0.9, rougeLsum=0.0)
    record = trained().model_copy(update={"scores": scores})
    assert (judge.problems(record, ZERO_SHOT, floor) == []) == enough


def test_a_failure_is_told_and_not_how_far_it_is_from_the_floor():
    (problem,) = judge.problems(unfinished(reason="killed"), ZERO_SHOT, floor=99.0)
    assert problem == "crashed: Killed: killed"


def test_a_failure_is_told_with_its_traceback_last():
    record = unfinished()
    record = record.model_copy(
        update={"error": Failure(type="ValueError", message="no", remedy="mend it", traceback="File …")}
    )
    assert judge.described(record).splitlines() == ["crashed: ValueError: no", "To do: mend it", "File …"]


def test_a_failure_without_a_reason_is_told_by_its_status():
    assert judge.described(unfinished().model_copy(update={"error": None})) == "crashed"


def test_a_loss_is_a_problem_even_where_the_floor_is_zero():
    worse = trained().model_copy(update={"scores": means(rouge1=0.1, rouge2=0.1, rougeL=0.1, rougeLsum=0.1)})
    (problem,) = judge.problems(worse, ZERO_SHOT, floor=0.0)
    assert "ROUGE-1 differs from zero-shot's by -10.0 points" in problem


def test_the_floor_is_not_for_methods_that_train_nothing():
    assert judge.problems(ZERO_SHOT, ZERO_SHOT, floor=100.0) == []


def test_there_is_no_floor_beside_a_zero_shot_that_failed():
    assert judge.problems(trained(), unfinished("zero_shot"), floor=100.0) == []


def test_a_failure_is_told_with_status_cause_and_remedy():
    judged = judge.judged(trained(optimizer_steps=21), ZERO_SHOT)
    (problem,) = judge.problems(judged, ZERO_SHOT, floor=0.0)
    assert problem.splitlines() == [
        "over_budget: made 21 optimiser steps on 20 batches",
        "To do: train() may only use the batches that it is given, each of them once",
    ]


@pytest.mark.parametrize(
    ("train", "generate", "share"),
    [
        (Phase(seconds=10.0, waited_seconds=4.0), Phase(seconds=2.0, waited_seconds=0.1), 0.4),
        (Phase(seconds=10.0, waited_seconds=0.9), Phase(seconds=2.0, waited_seconds=1.0), 0.5),
        (Phase(seconds=10.0, waited_seconds=3.0), Phase(seconds=2.0, waited_seconds=1.0), 0.5),  # the greater share
        (Phase(seconds=10.0, waited_seconds=1.0), Phase(seconds=2.0, waited_seconds=0.0), 0.1),
        (Phase(seconds=10.0, waited_seconds=0.99), Phase(seconds=2.0, waited_seconds=0.0), None),
        (Phase(seconds=0.5, waited_seconds=0.1), Phase(seconds=0.5, waited_seconds=0.0), 0.2),
        (Phase(seconds=0.0, waited_seconds=0.0), Phase(seconds=0.0), None),
        (Phase(seconds=0.1, waited_seconds=0.09), Phase(seconds=0.1, waited_seconds=0.0), None),  # too short to tell
        (Phase(seconds=10.0), Phase(seconds=2.0), None),  # the system does not tell
    ],
)
def test_a_run_is_disturbed_where_it_waited_for_a_processor_while_its_time_was_taken(train, generate, share):
    phases = {"load": Phase(seconds=1.0, waited_seconds=0.9), "train": train, "generate": generate}
    assert judge.disturbed(with_cost(trained(), phases=phases)) == share


LIKELY = Metric(
    id="perplexity", title="perplexity", better="lower", low=1.0, high=None, corpus=True, needs="likelihoods"
)


@pytest.mark.parametrize(("perplexity", "status"), [(20.0, Status.NO_OP), (19.5, Status.OK)])
def test_the_same_answers_are_no_no_op_where_the_references_have_become_likelier(perplexity, status):
    before, after = (
        record.model_copy(update={"metrics": (LIKELY,), "scores": {"perplexity": value}, "predictions_hash": "a" * 12})
        for record, value in ((ZERO_SHOT, 20.0), (trained(), perplexity))
    )
    assert judge.judged(after, before).status == status


def test_a_floor_in_per_cent_is_told_in_per_cent():
    before, after = (
        record.model_copy(update={"metrics": (LIKELY,), "scores": {"perplexity": value}})
        for record, value in ((ZERO_SHOT, 20.0), (trained(), 19.9))
    )
    assert judge.problems(after, before, floor=0.5) == []
    (problem,) = judge.problems(after, before, floor=1.0)
    assert problem.startswith("perplexity differs from zero-shot's by -0.5%, but the suite requires at most -1.0%; ")
