"""(f) The plugin's cost for a pytest session without ``--benchmark``: sessions with the plugin and without, in turns.

python -m benchmarks.inert_plugin
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import clocked, show

PLUGIN = "harness.pytest_plugin"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run sessions of one empty test in turns, and print the medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--turns", type=int, default=15, help="sessions with and without it (default: 15)")
    asked = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conftest.py").write_text(f'pytest_plugins = ["{PLUGIN}"]\n')
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        session(folder)
        pairs = [(session(folder, "-p", f"no:{PLUGIN}"), session(folder)) for _ in range(asked.turns)]
    without, inert = (median(column) for column in zip(*pairs, strict=True))
    show(
        f"a session of one empty test, median of {asked.turns} in turns",
        [
            ("without the plugin", f"{without:.3f} s"),
            ("with the plugin inert", f"{inert:.3f} s"),
            ("difference", f"{median(b - a for a, b in pairs):+.3f} s"),
        ],
    )


def session(folder: Path, *arguments: str) -> float:
    """The seconds of a pytest session in a folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return clocked(lambda: subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True))


if __name__ == "__main__":
    main()
