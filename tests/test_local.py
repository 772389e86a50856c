"""The server that runs are forked from starts wherever the temporary folder is."""

import subprocess
import sys

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
