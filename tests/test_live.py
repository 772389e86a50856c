"""A run says how far it is, in a file that the session may read while it is written."""

import torch

from harness.run.live import Live
from harness.run.meters import Meters
from harness.spec.progress import Progress, under_way
from harness.spec.suite import Budget
from harness.training.budget import Batches


def test_the_phases_of_a_run_replace_each_other(tmp_path):
    (tmp_path / "run").mkdir()
    meters = Meters(entered=Live("lora-seed0", tmp_path / "run").phase)
    with meters.phase("load"):
        assert under_way(tmp_path) == [Progress(run="lora-seed0", phase="load")]
    with meters.phase("build"):
        assert under_way(tmp_path) == [Progress(run="lora-seed0", phase="build")]


def test_training_says_how_much_of_the_budget_is_spent_but_not_too_often(tmp_path):
    (tmp_path / "run").mkdir()
    live = Live("lora-seed0", tmp_path / "run")
    live.spent(0.1, None)
    live.spent(0.2, 2.5)
    assert [run.share for run in under_way(tmp_path)] == [0.1]


def test_a_budget_tells_its_share_and_the_last_loss_with_each_batch():
    told = []
    source = iter([{"labels": torch.zeros(1, 2)}] * 3)
    budget, device = Budget(max_steps=2), torch.device("cpu")
    rows = Batches(source, budget, device, lambda batch: batch["labels"], lambda *each: told.append(each))
    for _ in rows:
        rows.loss = 1.5
    assert told == [(0.0, None), (0.5, 1.5), (1.0, 1.5)]


def test_a_folder_that_is_gone_stops_no_run(tmp_path):
    Live("lora-seed0", tmp_path / "gone").phase("load")
    assert under_way(tmp_path) == []


def test_half_a_file_is_no_progress(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "progress.json").write_text('{"run":')
    assert under_way(tmp_path) == []
