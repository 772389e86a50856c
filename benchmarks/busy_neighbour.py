"""Sessions alone, alternating with sessions beside a program that keeps one core busy: how much slower are they?

Each is a complete ``pytest --benchmark`` of a suite. Prints a Markdown table with one line for each way in which
threads wait for each other: ``passive`` is Tuneoff's setting; others are set with ``OMP_WAIT_POLICY``, as a user would.
Seconds are medians over the rounds; rows are those whose times are in brackets.

    python -m benchmarks.busy_neighbour --suite smoke --rounds 3 --policies passive,active
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from unittest.mock import patch

from tabulate import tabulate

from harness.gate.against.sessions import Sessions
from harness.spec.suite import load

ROOT = Path(__file__).parents[1]
VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
HEADERS = (
    "how threads wait",
    "session alone",
    "beside a busy core",
    "ratio",
    "ratio of training",
    "rows marked alone",
    "rows marked beside",
)


@dataclass(frozen=True)
class Session:
    """The times of a session; training is the total of all methods."""

    seconds: float
    training: float
    rows: int
    marked: int


@contextmanager
def busy_core() -> Iterator[None]:
    """A program that keeps one core busy."""
    program = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        program.kill()
        program.wait()


def session(suite: str, folder: Path, policy: str) -> Session:
    """Run a session of a suite with this wait policy."""
    wanted = {} if policy == "passive" else {"OMP_WAIT_POLICY": policy.upper()}
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    sessions, name = Sessions("session", ROOT, folder), load(suite).name
    with patch.dict(os.environ, {**kept, **wanted}, clear=True):
        began = perf_counter()
        code, output = sessions.run(f"--suite={suite}")
        seconds = perf_counter() - began
    board = folder / "results" / name / "leaderboard.json"
    if code not in (0, 1) or not board.exists():
        raise SystemExit(f"the session ended with code {code}:\n{output}")
    rows = json.loads(board.read_text())["rows"]
    training = sum(row["train_seconds"] or 0.0 for row in rows)
    return Session(seconds, training, len(rows), sum(row["contended"] for row in rows))


def line(policy: str, alone: list[Session], beside: list[Session]) -> list[str]:
    """The line of the table."""
    seconds = [median(one.seconds for one in each) for each in (alone, beside)]
    training = [median(one.training for one in each) for each in (alone, beside)]
    marked = [f"{sum(one.marked for one in each)} of {sum(one.rows for one in each)}" for each in (alone, beside)]
    ratios = [f"{after / before:.2f}" for before, after in (seconds, training)]
    return [policy, f"{seconds[0]:.1f} s", f"{seconds[1]:.1f} s", *ratios, *marked]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--suite", default="smoke", help="name or file (default: smoke)")
    options.add_argument("--rounds", type=int, default=3, help="sessions of each kind (default: 3)")
    options.add_argument("--policies", default="passive,active", help="how threads wait (default: passive,active)")
    asked = options.parse_args(arguments)
    policies = asked.policies.split(",")
    alone: dict[str, list[Session]] = {policy: [] for policy in policies}
    beside: dict[str, list[Session]] = {policy: [] for policy in policies}
    with TemporaryDirectory(prefix="tuneoff-neighbour-") as folder:
        for _ in range(asked.rounds):
            for policy in policies:
                alone[policy].append(session(asked.suite, Path(folder), policy))
                with busy_core():
                    beside[policy].append(session(asked.suite, Path(folder), policy))
                print(policy, alone[policy][-1], beside[policy][-1], file=sys.stderr, flush=True)
    lines = [line(policy, alone[policy], beside[policy]) for policy in policies]
    print(tabulate(lines, HEADERS, "pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
