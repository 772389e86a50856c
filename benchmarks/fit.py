"""How well the memory of a run is predicted: what `--fit` says beside the measured peak of a run of a few steps.

Each method is tried out, and then run, in fresh processes. The last columns leave out what torch and the other
libraries need, which is the same for all methods, and easy to predict.

    python -m benchmarks.fit
    python -m benchmarks.fit --shapes embedded --methods lora full_finetune --micro-batch-size 4
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tabulate import tabulate

from benchmarks import random_checkpoints
from benchmarks.setting import PROMPT
from harness.execute.sealed import Sealed
from harness.session import bakeoff
from harness.spec import plan, registry
from harness.spec.plan import Order, Request
from harness.spec.suite import EMBEDDED, Suite, TaskTable
from harness.store.results import Store
from harness.tasks import data

SHAPES: Mapping[str, str] = {  # and the family of its random weights, if it has any
    "embedded": "",
    "llama": "causal",
    "t5": "seq2seq",
}
METHODS = (
    *("zero_shot", "few_shot", "full_finetune", "layerwise_decay", "last_layers", "bitfit", "lora", "dora", "adalora"),
    *("lora_fa", "loha", "lokr", "vera", "ia3", "ln_tuning", "prompt_tuning", "p_tuning", "prefix_tuning"),
)
MAX_TOO_LOW, MAX_MEDIAN = 0.25, 0.15  # of the measured peak
MB = 1e6


@dataclass(frozen=True)
class Peaks:
    """The peak of one run in bytes."""

    shape: str
    method: str
    predicted: int
    measured: int
    libraries: int

    @property
    def error(self) -> float:
        """The share of the measured peak by which the prediction is too high."""
        return self.predicted / self.measured - 1

    @property
    def own_error(self) -> float:
        """The same, without the libraries."""
        return (self.predicted - self.libraries) / (self.measured - self.libraries) - 1

    def cells(self) -> list[str]:
        """A row of the table."""
        peaks = [f"{each / MB:,.0f}" for each in (self.predicted, self.measured)]
        return [self.shape, self.method, *peaks, f"{self.error:+.1%}", f"{self.own_error:+.1%}"]


def compared(request: Request, folder: Path, shape: str) -> Iterator[Peaks | str]:
    """Each method of a request as predicted and as measured, or why there is nothing to compare."""
    store = Store(request.results, request.suite.name)
    store.open()
    sealed = Sealed(folder)
    try:
        sealed.check(bakeoff.order(request, store, request.zero_shot, request.suite.model))
        for run in request.runs:
            yield _compared(sealed, bakeoff.order(request, store, run, request.suite.model), shape)
    finally:
        sealed.stop()
        store.close()


def _compared(sealed: Sealed, order: Order, shape: str) -> Peaks | str:
    found = sealed.measure(order)
    record = sealed.run(order).record
    cost = record.cost
    measured = cost.peak_rss_bytes if cost.peak_gpu_bytes is None else cost.peak_gpu_bytes
    if found.reason or measured is None or record.error:
        why = found.reason or (record.error.cause if record.error else "no peak")
        return f"{shape}, {order.spec.method}: {why}"
    return Peaks(shape, order.spec.method, found.peak(order.micro_batch_size), measured, found.libraries)


def request(shape: str, folder: Path, options: argparse.Namespace) -> Request:
    """What a session of a suite would be asked for; a checkpoint of random weights goes into the folder."""
    family, model = SHAPES[shape], EMBEDDED
    if family:
        splits = data.load(TaskTable(name="dialogsum"))
        texts = (text for row in splits["train"] for text in (row.source, row.target, PROMPT.fill("")))
        (folder / shape).mkdir()
        model = str(random_checkpoints.create(family, folder / shape, texts))
    suite = Suite.model_validate(
        {
            "name": shape,
            "task": {"name": "dialogsum", "test_rows": options.test_rows},
            "model": {"name": model},
            "budget": {"max_steps": options.steps},
            "evaluation": {"max_new_tokens": options.max_new_tokens, "samples": 0},
            "run": {
                "methods": tuple(dict.fromkeys(("zero_shot", *options.methods))),
                "seeds": (0,),
                "batch_size": options.batch_size,
                "micro_batch_size": options.micro_batch_size,
            },
        }
    )
    return plan.request(suite, registry.discover(), folder / "results", device=options.device)


def summary(found: Sequence[Peaks]) -> str:
    """The errors of all comparisons, in a few words."""
    errors = [each.error for each in found]
    middle, lowest = median(map(abs, errors)), min(errors)
    own = [each.own_error for each in found]
    kept = middle <= MAX_MEDIAN and lowest >= -MAX_TOO_LOW
    return (
        f"{len(found)} comparisons: median error {middle:.1%} (at most {MAX_MEDIAN:.0%}), lowest {lowest:+.1%} "
        f"(at least {-MAX_TOO_LOW:.0%}), highest {max(errors):+.1%}: {'as required' if kept else 'NOT as required'}; "
        f"without the libraries, median {median(map(abs, own)):.1%}, lowest {min(own):+.1%}, highest {max(own):+.1%}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print predicted and measured peaks, and how far they are apart."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--shapes", nargs="+", choices=SHAPES, default=[*SHAPES])
    options.add_argument("--methods", nargs="+", default=METHODS)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--batch-size", type=int, default=8)
    options.add_argument("--micro-batch-size", type=int)
    options.add_argument("--test-rows", type=int, default=8)
    options.add_argument("--max-new-tokens", type=int, default=16)
    options.add_argument("--device", help="cpu, cuda (default: the best available)")
    asked = options.parse_args(arguments)
    comparisons: list[Peaks] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for shape in asked.shapes:
            for each in compared(request(shape, folder, asked), folder / "scratch", shape):
                if isinstance(each, str):
                    print(f"left out: {each}", flush=True)
                else:
                    comparisons.append(each)
                    print("  ".join(each.cells()), flush=True)
    titles = ("shape", "method", "predicted, MB", "measured, MB", "error", "without libraries")
    aligned = ("left", "left", *["right"] * 4)
    print(tabulate([each.cells() for each in comparisons], titles, colalign=aligned, disable_numparse=True))
    print(summary(comparisons))


if __name__ == "__main__":
    main()
