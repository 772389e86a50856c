"""``--against``: how often it fails although nothing changed, and how often it detects a step that takes 20% longer.

Simulated: the times of runs are drawn at random and judged by ``harness.gate.against.comparison`` like those of a
session. Nothing is measured; the noise floor that sessions report shows how far runs scatter on a machine.

Prints the Markdown of the table in ``docs/gate.md``, with the same numbers every time.

    python -m benchmarks.time_figures
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from tabulate import tabulate

from harness.gate.against.comparison import Comparison
from harness.gate.against.side import RecordedCost, Taken
from harness.gate.against.timing import MIN_SECONDS
from harness.spec.record import Status
from harness.spec.suite import load

SCATTERS = (0.01, 0.03, 0.05, 0.08, 0.12)  # of the logarithm of a run's time
SLOWER = 1.2
METHODS = 5  # in a session in which nothing changed


@dataclass
class Drawn:
    """A side whose runs take random times: one draw for steps and training, another for generation."""

    name: str
    random: Generator
    scatter: float
    factor: float = 1.0
    runs: int = 0

    def run(self, method: str) -> Taken:
        """The next run."""
        self.runs += 1
        training, generation = np.exp(self.scatter * self.random.normal(size=2))
        step = 0.3 * self.factor * training
        cost = RecordedCost(step_seconds_median=step, train_seconds=80 * step, generate_seconds=4 * generation)
        return Taken(status=Status.OK, cost=cost)


def session(random: Generator, scatter: float, factor: float, methods: int) -> tuple[bool, float, float]:
    """Whether a session fails, the share of its times that pass, and the number of runs per method."""
    base = Drawn("base", random, scatter)
    head = Drawn("head", random, scatter, factor)
    both = Comparison(load("smoke"), base, head)
    found = [one for number in range(methods) for one in both.verdicts(f"method{number}")]
    passed = np.mean([one.outcome == "pass" for one in found if one.metric in MIN_SECONDS])
    return any(one.fails for one in found), float(passed), (base.runs + head.runs) / methods


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sessions", type=int, default=400, help="simulated sessions per cell (default: 400)")
    asked = options.parse_args(arguments)
    rows = []
    for scatter in SCATTERS:
        random, times = np.random.default_rng(0), range(asked.sessions)
        same = [session(random, scatter, 1.0, METHODS) for _ in times]
        slower = [session(random, scatter, SLOWER, 1) for _ in times]
        shares = [np.mean([one[0] for one in same]), np.mean([one[1] for one in same])]
        shares += [np.mean([one[0] for one in slower])]
        taken = [np.mean([one[2] for one in found]) for found in (same, slower)]
        rows.append([f"{scatter:.0%}", *(f"{share:.1%}" for share in shares), *(f"{runs:.1f}" for runs in taken)])
    headers = (
        "scatter of run times",
        f"{METHODS} methods unchanged: red",
        "times that pass",
        "one method 20% slower: red",
        "runs per unchanged method",
        "runs of the slower method",
    )
    print(tabulate(rows, headers, "pipe", disable_numparse=True, colalign=("right",) * len(headers)))


if __name__ == "__main__":
    main()
