"""On a terminal, a session shows what runs now, and its table and remarks fit."""

import os
import pty
import re
import select
import subprocess
import sys

import pytest

from support.projects import NORMS, environment, project

WIDTH = 60
TRAINING = re.compile(r"norms-seed0 train\b")
WAITING = f"""\
{NORMS}
    def train(self, model, batches):
        import pathlib

        pathlib.Path(__file__).with_name("seen").read_text()  # a pipe: it ends when the test has seen this phase
        super().train(model, batches)
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def data(rows, write, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write(folder / "train.jsonl", rows[:16])
    write(folder / "test.jsonl", rows[16:20])
    return folder


@pytest.fixture(scope="module")
def shown(tmp_path_factory, tiny_folder, data):
    """What a session of two methods writes to a terminal that is 60 characters wide."""
    folder = project(tmp_path_factory.mktemp("shown") / "project", data=data, model=tiny_folder, norms=WAITING)
    seen = folder / "methods" / "seen"
    os.mkfifo(seen)
    terminal, inside = pty.openpty()
    session = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-W", "error", "--benchmark", "--suite=small.toml", "--results=out"],
        cwd=folder,
        env={**environment(), "COLUMNS": str(WIDTH), "TERM": "xterm"},
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    before = _read(terminal, until=TRAINING)
    seen.write_text("")
    after = _read(terminal)
    assert session.wait(60) == 0
    return ESCAPES.sub("", before + after)


def _read(terminal, until=None):
    """What a process writes to a terminal until it ends, or until this was written."""
    written = b""
    while not (until and until.search(written.decode(errors="ignore"))):
        assert select.select([terminal], [], [], 60)[0], f"nothing more after {written.decode(errors='ignore')[-500:]}"
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that nobody writes any more
            part = b""
        if not part:
            break
        written += part
    return written.decode(errors="ignore")


def test_what_runs_now_is_shown_and_replaced(shown):
    assert re.search(r"\rnorms-seed0 train\b.* · 1 of 2", shown)


def test_the_line_of_a_run_stands_alone(shown):
    lines = [line.rpartition("\r")[2] for line in shown.replace("\r\n", "\n").split("\n")]
    assert any(re.fullmatch(r"norms-seed0: \d+\.\d ROUGE-1, trained \d+\.\d s", line) for line in lines)


def test_the_table_and_the_remarks_are_no_wider_than_the_terminal(shown):
    summary = shown.replace("\r\n", "\n").partition("leaderboard: small")[2].split("\n")
    before_files = summary[1 : next(number for number, line in enumerate(summary) if line.startswith("wrote "))]
    assert max(map(len, before_files)) <= WIDTH
    assert any(line.startswith("columns that do not fit: ") for line in before_files)
