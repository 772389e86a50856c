"""docs/results.md is the contract of the stored files: it names every key that they have."""

import re
from pathlib import Path

import pytest

from harness.ranking import leaderboard
from harness.spec.checkpoint import Checkpoint
from harness.spec.metric import Metric
from harness.spec.record import Prediction, Record
from support.records import entry

PAGE = (Path(__file__).parent.parent / "docs" / "results.md").read_text(encoding="utf-8")


def named(heading):
    """What stands in backticks in the section with that heading."""
    return set(re.findall(r"`([^`]+)`", PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]))


def test_every_key_of_a_leaderboards_row_is_documented():
    (row,) = leaderboard.rows([entry("lora", 0.5)])
    metrics = {metric.id for metric in row.metrics}
    keys = {re.sub(rf"^({'|'.join(sorted(metrics, reverse=True))})(?=$|_)", "<metric>", key) for key in row.to_dict()}
    assert keys - named("`leaderboard.json`") == set()


@pytest.mark.parametrize(
    ("heading", "block"),
    [("Metrics", Metric), ("Records", Record), ("Records", Prediction), ("Records", Checkpoint)],
)
def test_every_field_is_documented(heading, block):
    assert {field.alias or name for name, field in block.model_fields.items()} - named(heading) == set()
