"""A session beside a program that wants the same core: the script that measures it, and the rows that say so."""

import os
import re

import pytest

from benchmarks import busy_neighbour
from harness.run import processor
from support.projects import ROOT

pytestmark = pytest.mark.slow

SUITE = """\
[task]
name = "dialogsum"
data = "{data}"

[model]
name = "{model}"

[budget]
max_steps = 60

[evaluation]
max_new_tokens = 8
samples = 0
floor = -100.0

[run]
methods = ["full_finetune"]
seeds = [0]
batch_size = 16
"""


@pytest.fixture
def one_core():
    """Only one core for this process and what it starts."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.skipif(not processor.waits(), reason="the system does not tell")
def test_times_beside_a_busy_core_are_marked(one_core, rows, write, tiny_folder, tmp_path, monkeypatch, capsys):
    write(tmp_path / "data" / "train.jsonl", rows[:16])
    write(tmp_path / "data" / "test.jsonl", rows[16:20])
    suite = tmp_path / "tiny.toml"
    suite.write_text(SUITE.format(data=tmp_path / "data", model=tiny_folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    busy_neighbour.main([f"--suite={suite}", "--rounds=1", "--policies=passive"])
    assert re.search(r"^\| passive .*\| [12] of 2 +\|$", capsys.readouterr().out, re.MULTILINE)
