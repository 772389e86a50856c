"""(f) What the plugin costs a pytest session that does not ask for it: with it, and with ``-p no:`` it, in turns.

python -m benchmarks.inert_plugin
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.figures import clocked, show

PLUGIN = "harness.pytest_plugin"


def main() -> None:
    """Run sessions of one empty test in turns, and print the medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conftest.py").write_text(f'pytest_plugins = ["{PLUGIN}"]\n')
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")

        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}

        def session(*arguments: str) -> float:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
            options = {"cwd": folder, "env": environment, "check": True, "capture_output": True}
            return clocked(lambda: subprocess.run(command, **options))

        session()
        pairs = [(session("-p", f"no:{PLUGIN}"), session()) for _ in range(15)]
    without, inert = (median(column) for column in zip(*pairs, strict=True))
    show(
        "a session of one empty test, median of 15 in turns",
        [
            ("without the plugin", f"{without:.3f} s"),
            ("with the plugin inert", f"{inert:.3f} s"),
            ("difference", f"{median(b - a for a, b in pairs):+.3f} s"),
        ],
    )


if __name__ == "__main__":
    main()
