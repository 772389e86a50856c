"""The server that runs are forked from starts wherever the temporary folder is."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from harness.execute import forkserver
from harness.execute.sealed import Sealed
from support.projects import environment

START = """\
from pathlib import Path
from harness.execute.local import LocalExecutor

if __name__ == "__main__":
    LocalExecutor(Path("scratch")).close()
"""


def test_a_long_temporary_folder_is_no_obstacle(tmp_path):
    """A socket's path may have a hundred characters, and this one's folder alone has more."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    (tmp_path / "start.py").write_text(START)
    done = subprocess.run(
        [sys.executable, "start.py"],
        cwd=tmp_path,
        env={**environment(), "TMPDIR": str(long)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def napping(seconds, folder):
    """What a process does: it sleeps, and then says that it has."""
    time.sleep(seconds)
    (folder / "done").touch()


def test_where_forking_is_not_safe_processes_are_started_anew_and_do_not_end_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(forkserver, "FORK_IS_SAFE", False)
    sealed = Sealed(tmp_path / "scratch")
    for name in ("long", "short"):
        (tmp_path / name).mkdir()
    with ThreadPoolExecutor() as threads:
        ended = [
            threads.submit(sealed._process, napping, seconds, tmp_path / name, 60.0)
            for name, seconds in (("long", 3.0), ("short", 0.0))
        ]
    assert [each.result() for each in ended] == [0, 0]
    assert all((tmp_path / name / "done").exists() for name in ("long", "short"))
