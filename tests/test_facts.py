"""What a run finds out lies in the record, field by field; a name that no record has is refused."""

from dataclasses import fields

import pytest

from harness.metrics.rouge.metric import ROUGE
from harness.run.facts import Facts
from harness.run.meters import Meters
from harness.spec.checkpoint import Checkpoint
from harness.spec.lengths import Answers
from harness.spec.record import Environment, Lengths, Phase, Status
from support.records import spec

HERE = Environment(device="cpu", device_name="Some CPU", threads=2, python="3", platform="Linux", packages={})
SCORES = {"rouge1": 0.4}
KNOWN = {
    "environment": HERE,
    "hyperparameters": {"rank": 4},
    "defaults": {"rank": 8},
    "bound": True,
    "trainable_dtype": "float32",
    "frozen_unchanged": True,
    "reload_equal": False,
    "lengths": Lengths(words_out=3.5),
    "metrics": ROUGE,
    "scores": SCORES,
    "best_scores": {"rouge1": 0.5},
    "predictions_hash": "a" * 12,
    "weights_hash": "b" * 12,
    "answers": Answers(valid=3, invalid=1),
    "checkpoint": Checkpoint(reason="the disk is full"),
}
VALUES = {one.name: KNOWN.get(one.name, number + 1) for number, one in enumerate(fields(Facts))}


def record(**facts):
    meters = Meters()
    meters.phases = {"train": Phase(seconds=2.5, peak_rss_bytes=7), "score": Phase(seconds=1.0, peak_rss_bytes=9)}
    return Facts(**facts).record(spec(), Status.OK, None, meters, 4.0)


def test_every_fact_is_in_the_record_under_its_own_name():
    found = record(**VALUES)
    blocks = (found.outputs, found.cost, found.checks, found.provenance, found)
    told = {name: value for block in blocks for name, value in dict(block).items()}
    assert {name: told[name] for name in VALUES} == VALUES


def test_times_and_peaks_are_those_of_the_meters():
    cost = record().cost
    assert (cost.train_seconds, cost.generate_seconds, cost.wall_seconds) == (2.5, None, 4.0)
    assert (cost.peak_rss_bytes, cost.peak_gpu_bytes, set(cost.phases)) == (7, None, {"train", "score"})


def test_a_fact_that_no_record_has_is_refused():
    with pytest.raises(AttributeError):
        Facts().trained_parameters = 1
