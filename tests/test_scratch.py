"""A temporary folder goes with its session, and what a killed session left goes with the next one."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.gate.scratch import Scratch
from support.projects import ROOT

KILLED = """\
import os, signal
from harness.gate.scratch import Scratch
print(Scratch("tuneoff-test-").folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def killed():
    """The folder of a session that was killed."""
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    return Path(done.stdout.strip())


def test_closing_leaves_nothing_behind(temporary):
    scratch = Scratch("tuneoff-test-")
    (scratch.folder / "file").touch()
    scratch.close()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_session_left_goes_with_the_next_one():
    left = killed()
    assert left.exists()
    Scratch("tuneoff-test-").close()
    assert not left.exists()


def test_what_another_session_uses_stays():
    other = Scratch("tuneoff-test-")
    Scratch("tuneoff-test-").close()
    assert other.folder.exists()
    other.close()


def test_what_nobody_locked_or_is_called_otherwise_stays(temporary):
    left = killed()
    (temporary / "tuneoff-test-young").mkdir()
    Scratch("tuneoff-others-").close()
    Scratch("tuneoff-test-").close()
    assert list(temporary.iterdir()) == [temporary / "tuneoff-test-young"]
    assert not left.exists()
