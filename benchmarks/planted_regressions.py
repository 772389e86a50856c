"""The gate tested end to end: does it pass if nothing changed, and fail if something was made worse?

Everything runs through ``pytest --benchmark`` in temporary projects, one of them a git repository. The method is one
of ``harness/gate/selftest/probes``, trained for a few steps. These changes are planted:

- nothing: the smoke suite is accepted and then judged repeatedly; some sessions train every method again, the others
  judge the stored runs;
- a step that takes 20% longer, with ``--against``;
- summaries without as many last words as cost 0.7 points of ROUGE-1, on the full test split of the embedded suite;
- one more trainable tensor, a method that vanished, one that was renamed, and a score that is not a number.

Prints the Markdown of the table in ``docs/gate.md``, and its progress on standard error.

    python -m benchmarks.planted_regressions
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tabulate import tabulate

from harness.gate.selftest.probes.worse import GOLDEN
from harness.gate.selftest.trial import PROBE, ProbeProject
from harness.gate.verdict import Outcome, Verdict
from harness.metrics.rouge.metric import rouge
from harness.session.selftest import small
from harness.spec.record import Prediction
from harness.spec.suite import Suite, load
from harness.store.results import Store

LOST = 0.7  # points of ROUGE-1
WORDS = 8  # last words that a summary may lose
WHO = ("-c", "user.name=planted", "-c", "user.email=planted@example.org")

Line = Sequence[str]


def nothing(folder: Path, smoke: Suite, fresh: int, stored: int) -> Line:
    """The gate on the unchanged smoke suite, with all of its methods."""
    trial = ProbeProject(
        folder / "nothing", smoke.model_copy(update={"run": smoke.run.model_copy(update={"new_methods": False})})
    )
    _must(trial.accept())
    decisions = [trial.judge("--gate", *options) for options in [()] * fresh + [("--resume",)] * stored]
    red = sum(any(one.fails for one in found) for found in decisions)
    verdicts = [one for found in decisions for one in found]
    alarms = sum(one.fails for one in verdicts)
    what = f"nothing ({fresh} sessions that trained anew, {stored} on stored results)"
    return what, f"{red} of {len(decisions)} red", "–", f"{alarms} of {len(verdicts):,} verdicts fail"


def slower(folder: Path, suite: Suite) -> Line:
    """A step that takes 20% longer than in the last commit."""
    trial = ProbeProject(folder / "slower", suite)
    (trial.folder / ".gitignore").write_text("__pycache__/\n")
    for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "honest")):
        subprocess.run(["git", "-C", trial.folder, *WHO, *arguments], check=True)
    trial.put("slower")
    found = trial.judge("--against", "HEAD")
    return "a step takes 20% longer (`--against=HEAD`)", *_caught(found, "step_seconds_median", kind="against")


def shorter(folder: Path, suite: Suite) -> Line:
    """Summaries that lose as many last words as cost ``LOST`` points."""
    trial = ProbeProject(folder / "shorter", suite)
    _must(trial.accept())
    words, share = _cut(_answers(trial))
    trial.put("worse")
    trial.write(suite.model_copy(update={"methods": {PROBE: {"words": words, "share": share}}}))
    lost = f"their last {words} words" if words > 1 else "their last word"
    return f"{share:.0%} of the summaries lose {lost}, −{LOST:g} points", *_caught(trial.judge("--gate"), "rouge1")


def counted_and_named(folder: Path, suite: Suite) -> Iterator[Line]:
    """The cases that share one accepted project: one more tensor, a vanished or renamed method, a score of NaN."""
    trial = ProbeProject(folder / "named", suite)
    _must(trial.accept())
    _spoil(trial)
    yield "a stored score is NaN", *_caught(trial.judge("--gate", "--resume"), "", Outcome.INVALID)
    trial.put("larger")
    yield "one more trainable tensor", *_caught(trial.judge("--gate"), "trainable_parameters")
    trial.put("honest", "renamed")
    (trial.folder / "methods" / f"{PROBE}.py").unlink()
    trial.write(_with(suite, "renamed"))
    yield "the method was renamed", *_caught(trial.judge("--gate"), "", Outcome.MISSING)
    trial.write(_with(suite, "zero_shot"))
    yield "the method vanished", *_caught(trial.judge("--gate"), "", Outcome.MISSING)


def _caught(found: Sequence[Verdict], metric: str, outcome: Outcome = Outcome.REGRESSED, kind: str = "gate") -> Line:
    """Whether a row fails with this outcome in this metric (none: as a whole), with its item and message."""
    red = [one for one in found if one.fails and one.outcome == outcome and metric in (one.metric, "")]
    if not red:
        worst = sorted(found, key=lambda one: list(Outcome).index(one.outcome))
        return "missed", "–", worst[0].message
    return "caught", f"`test_{kind}[{red[0].row}]`", red[0].message.partition("\n")[0]


def _answers(trial: ProbeProject) -> list[list[Prediction]]:
    """The accepted, scored answers of each seed."""
    store = Store(trial.sessions.scratch / "results", trial.suite.name)
    records = [record for record in store.read_runs() if record.spec.method == PROBE]
    return [[each for each in store.read_predictions(record.spec) if each.scored] for record in records]


def _cut(answers: Sequence[Sequence[Prediction]]) -> tuple[int, float]:
    """How many last words to remove from which share of the summaries, so that they lose about ``LOST`` points."""
    numbers = np.arange(len(answers[0])) * GOLDEN % 1
    first = np.argsort(numbers)  # the order in which summaries are cut as the share grows
    for words in range(1, WORDS + 1):
        lost = np.mean([[_loss(each, words) for each in seed] for seed in answers], axis=0)
        total = lost[first].cumsum() / len(first)
        if total.max() >= LOST:
            return words, round(float(numbers[first[np.argmax(total >= LOST)]]) + 0.0001, 4)
    raise SystemExit(f"without {WORDS} last words the summaries lose less than {LOST} points")


def _loss(answer: Prediction, words: int) -> float:
    """The points of ROUGE-1 that the summary loses with this many words."""
    shortened = " ".join(answer.text.split()[:-words])
    ((mean, _),) = rouge([shortened], [answer.references])
    return 100 * (answer.scores["rouge1"] - mean["rouge1"])


def _spoil(trial: ProbeProject) -> None:
    """Make a score of a stored run NaN."""
    runs = trial.sessions.scratch / "results" / trial.suite.name / "runs"
    (path,) = runs.glob(f"{PROBE}-seed*.json")
    record = json.loads(path.read_text())
    record["scores"]["rouge1"] = float("nan")
    path.write_text(json.dumps(record))


def _with(suite: Suite, method: str) -> Suite:
    return suite.model_copy(update={"run": suite.run.model_copy(update={"methods": (method,)})})


def _suites(model: str | None, data: str | None) -> tuple[Suite, Suite, Suite]:
    """The smoke suite, then it and the embedded suite with the probe as their only method."""
    instead: Mapping[str, Mapping[str, str]] = {
        "model": {"name": model} if model else {},
        "task": {"data": data} if data else {},
    }
    smoke = load("smoke", instead)
    return smoke, small(smoke), small(load("embedded", instead))


def _must(problem: str | None) -> None:
    if problem:
        raise SystemExit(problem)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--fresh", type=int, default=10, help="A/A sessions that train anew (default: 10)")
    options.add_argument("--stored", type=int, default=40, help="A/A sessions on stored runs (default: 40)")
    options.add_argument("--seeds", default="0,1,2", help="seeds of the lost words (default: 0,1,2)")
    options.add_argument("--only", default="", help="do only the step whose name contains this text")
    options.add_argument("--model", help="hub id or folder instead of the embedded base model")
    options.add_argument("--data", help="hub id, folder or file instead of the embedded data")
    asked = options.parse_args(arguments)
    smoke, probed, embedded = _suites(asked.model, asked.data)
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    seeded = embedded.model_copy(update={"run": embedded.run.model_copy(update={"seeds": tuple(seeds)})})
    with TemporaryDirectory(prefix="tuneoff-planted-") as name:
        folder = Path(name).resolve()
        steps: dict[str, Callable[[], Iterable[Line]]] = {
            "nothing": lambda: [nothing(folder, smoke, asked.fresh, asked.stored)],
            "slower": lambda: [slower(folder, embedded)],
            "shorter": lambda: [shorter(folder, seeded)],
            "counted_and_named": lambda: counted_and_named(folder, probed),
        }
        rows: list[Line] = []
        for step, lines in steps.items():
            if asked.only in step:
                print(step, file=sys.stderr, flush=True)
                rows += lines()
    print(tabulate(rows, ("planted", "the gate", "item", "message"), "pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
