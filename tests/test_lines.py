"""Lines of a terminal: a run in a line, remarks that fit, and a table that is as wide as it may be."""

import pytest

from harness.ranking import leaderboard
from harness.report import lines, table
from harness.spec.progress import Progress
from harness.spec.record import Status
from support.records import entry, finished, unfinished


def rows():
    costs = {"train_seconds": 30.0, "generate_seconds": 4.0, "peak_rss_bytes": 900_000_000}
    return leaderboard.rows([entry(name, level, **costs) for name, level in (("lora", 0.5), ("zero_shot", 0.2))])


@pytest.mark.parametrize(
    ("record", "reused", "text"),
    [
        (finished(train_seconds=30.5), False, "lora-seed0: 41.0 ROUGE-1, trained 30.5 s"),
        (finished(train_seconds=None), True, "lora-seed0: 41.0 ROUGE-1, reused"),
        (unfinished(reason="killed by signal 9"), False, "lora-seed0: crashed: Killed: killed by signal 9"),
        (unfinished(status=Status.UNSUPPORTED, reason="no\nroom"), False, "lora-seed0: unsupported: Killed: no room"),
    ],
)
def test_a_run_that_has_ended_is_one_line(record, reused, text):
    assert lines.of_run(record, reused=reused) == text


def test_a_long_reason_is_cut():
    assert len(lines.of_run(unfinished(reason="word " * 500))) < 200


def test_what_runs_now_is_shown_with_its_share_its_loss_and_the_time_that_is_left():
    now = [Progress(run="lora-seed1", phase="train", share=0.45, loss=2.314)]
    assert lines.of_progress(now, 3, 15, 360.0) == "lora-seed1 train 45%, loss 2.31 · 3 of 15 · about 6.00 min left"


def test_before_the_first_run_has_ended_nobody_knows_the_time_that_is_left():
    assert lines.of_progress([Progress(run="lora-seed1", phase="load")], 0, 15, None) == "lora-seed1 load · 0 of 15"


def test_before_the_first_run_the_session_checks_what_it_was_given():
    assert lines.of_progress([], 0, 15, None) == "checking model, data and methods · 0 of 15"
    assert lines.of_progress([], 3, 15, None) == "3 of 15"


def test_a_remark_fits_the_terminal_and_its_end_is_left_out_unless_it_is_wanted():
    remark = "a remark of many words " * 40
    short, whole = lines.wrapped(remark, 40), lines.wrapped(remark, 40, whole=True)
    assert len(short) == lines.MAX_LINES
    assert short[-1].endswith(lines.MORE)
    assert max(map(len, [*short, *whole])) <= 40
    assert " ".join(line.strip() for line in whole) == remark.strip()


def test_a_table_that_fits_is_whole():
    assert table.fitting(rows(), 500) == (table.leaderboard(rows(), "simple"), [])


def test_a_narrow_terminal_leaves_out_columns_in_a_stated_order():
    whole = table.leaderboard(rows(), "simple")
    width = max(map(len, whole.splitlines()))
    assert table.fitting(rows(), width - 1)[1] == ["generate"]
    text, left_out = table.fitting(rows(), 40)
    order = ["generate", "ROUGE-Lsum", "ROUGE-L", "ROUGE-2", "peak RSS", "trainable", "train"]
    assert left_out == order[: len(left_out)]
    assert max(map(len, text.splitlines())) <= 40


def test_rank_method_and_score_are_there_on_any_terminal():
    text, _ = table.fitting(rows(), 1)
    assert text.splitlines()[0].split() == ["rank", "method", "ROUGE-1", "(95%)"]


def test_no_runs_fit_any_terminal():
    assert table.fitting([], 5) == ("no runs yet", [])
