"""How often the gate is red where nothing changed but the machine's numerics.

A small suite of three seeds is accepted once, in a temporary project. Then it is trained again and judged, session
after session, with one thread or all, and with other kernels in PyTorch, oneDNN and MKL. Rounding then differs as it
does between machines, so training takes another course.

Prints the Markdown of the table in ``docs/gate.md``, and its progress on standard error.

    python -m benchmarks.other_numerics
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice, product
from pathlib import Path
from tempfile import TemporaryDirectory

from tabulate import tabulate

from harness.gate.selftest.trial import ProbeProject
from harness.gate.verdict import Outcome, Verdict
from harness.spec.suite import Suite, load
from harness.store.results import Store

THREADS = (None, 1)  # of a run; all of the machine's, or one
KERNELS: Sequence[Mapping[str, str]] = (
    {"ATEN_CPU_CAPABILITY": "avx2"},
    {"ATEN_CPU_CAPABILITY": "default"},
    {"DNNL_MAX_CPU_ISA": "AVX2"},
    {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    {"MKL_CBWR": "COMPATIBLE"},
)
METHODS = ("zero_shot", "bitfit", "lora", "full_finetune")
SEEDS = (0, 1, 2)
EXAMPLES = 160  # trained on


@dataclass
class Judged:
    """The verdicts of each session with the same numerics, and in how many of them an answer differed."""

    sessions: list[list[Verdict]] = field(default_factory=list)
    other_answers: int = 0


def found(project: ProbeProject, sessions: int) -> dict[tuple[str, str], Judged]:
    """What the gate says of so many sessions, by kernels and threads."""
    if problem := project.accept():
        raise SystemExit(problem)
    accepted, suite = _answers(project), project.suite
    table: dict[tuple[str, str], Judged] = {}
    for number, (threads, kernels) in enumerate(islice(cycle(product(THREADS, KERNELS)), sessions), start=1):
        print(f"{number} of {sessions}", file=sys.stderr, flush=True)
        project.write(suite.model_copy(update={"run": suite.run.model_copy(update={"cpus": threads})}))
        with _set(kernels):
            verdicts = project.judge("--gate")
        names = ", ".join(f"`{name}={value}`" for name, value in kernels.items())
        row = table.setdefault((names, f"{threads or 'all'}"), Judged())
        row.sessions.append(verdicts)
        row.other_answers += _answers(project) != accepted
    return table


def lines(table: Mapping[tuple[str, str], Judged]) -> Iterator[Sequence[str]]:
    """The rows of the table, the last one for all sessions."""
    for (kernels, threads), row in table.items():
        yield kernels, threads, *_counts([row])
    yield "all", "", *_counts(list(table.values()))


def _counts(rows: Sequence[Judged]) -> Sequence[str]:
    sessions = [verdicts for row in rows for verdicts in row.sessions]
    red = sum(any(one.fails for one in verdicts) for verdicts in sessions)
    judged = [one for verdicts in sessions for one in verdicts if one.metric]
    passed = sum(one.outcome == Outcome.PASS for one in judged)
    differ = sum(row.other_answers for row in rows)
    return f"{len(sessions)}", f"{differ}", f"{red}", f"{passed} of {len(judged)}"


def _answers(project: ProbeProject) -> dict[str, str | None]:
    records = Store(project.sessions.scratch / "results", project.suite.name).read_runs()
    return {record.spec.name: record.predictions_hash for record in records}


@contextmanager
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the sessions that are started inside."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def suite_of(model: str | None, data: str | None) -> Suite:
    """The smoke suite with a method of each kind, three seeds and a smaller budget."""
    instead = {"model": {"name": model} if model else {}, "task": {"data": data} if data else {}}
    smoke = load("smoke", instead)
    run = smoke.run.model_copy(update={"methods": METHODS, "new_methods": False, "seeds": SEEDS})
    budget = smoke.budget.model_copy(update={"max_examples": EXAMPLES})
    evaluation = smoke.evaluation.model_copy(update={"floor": -100.0})  # what is judged is the gate
    return smoke.model_copy(update={"run": run, "budget": budget, "evaluation": evaluation})


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sessions", type=int, default=50, help="sessions that train anew (default: 50)")
    options.add_argument("--model", help="hub id or folder instead of the embedded base model")
    options.add_argument("--data", help="hub id, folder or file instead of the embedded data")
    asked = options.parse_args(arguments)
    with TemporaryDirectory(prefix="tuneoff-numerics-") as name:
        table = found(
            ProbeProject(Path(name).resolve() / "numerics", suite_of(asked.model, asked.data)), asked.sessions
        )
    titles = ("kernels", "threads", "sessions", "other answers", "red", "verdicts that pass")
    print(tabulate(lines(table), titles, "pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
