"""(c) A bare PyTorch loop (forward, backward, step) compared with our training phase on the same padded batches.

Prints the tokens per second of both, without padding, and the useful arithmetic of the training phase, without
padding, as a share of the best measured matrix product in the same arithmetic. The order is bare, ours, ours, bare, so
that a machine that warms up or slows down favours neither.

    python -m benchmarks.bare_loop --data FILE --steps 8
    python -m benchmarks.bare_loop --data FILE --steps 8 --precision bf16
    python -m benchmarks.bare_loop --family causal --data FILE --steps 6 --batch-size 8
"""

from collections.abc import Sequence
from itertools import islice
from typing import get_args

import torch

from benchmarks import arithmetic
from benchmarks.figures import clocked, show
from benchmarks.random_checkpoints import SHAPES
from benchmarks.setting import OURS, Workload, apart, parser, setting
from harness.models.family import IGNORED, Batch, Family
from harness.run import weights
from harness.spec.suite import Precision
from harness.training import loop as training
from harness.training.autocast import applied

SIZES = (512, 1024, 2048, 4096)  # of the matrices whose product shows the machine's peak


def bare(job: Workload, batches: Sequence[Batch], precision: Precision) -> float:
    """Seconds of a loop that only makes the three calls."""
    model = job.base().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    lowered = precision == "bf16"

    def loop() -> None:
        for batch in batches:
            with torch.autocast(job.device.type, dtype=torch.bfloat16, enabled=lowered):
                loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return clocked(loop, job.finish)


def ours(job: Workload, batch_size: int, rows: int, precision: Precision) -> float:
    """Seconds of our training phase, including making batches, schedule, clipping, budget and gradient checks."""
    model = job.base()
    batches = job.batches(job.rows, batch_size, examples=rows)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    with weights.Gradients(model).watch(), applied(model, precision):
        return clocked(lambda: training.fit(model, batches, optimizer), job.finish)


def measure(
    job: Workload, steps: int, batch_size: int, sizes: Sequence[int], precision: Precision
) -> list[tuple[str, str]]:
    """The rates of both loops on the same batches, and our loop's share of the machine's peak."""
    made = list(islice(job.task(job.rows).batches(batch_size, seed=0), steps))
    batches = [{name: tensor.to(job.device) for name, tensor in batch.items()} for batch in made]
    bare(job, batches[:1], precision)  # warm up
    rows = sum(len(batch["labels"]) for batch in made)
    first = bare(job, batches, precision)
    our_seconds = min(ours(job, batch_size, rows, precision) for _ in range(2))
    bare_seconds = min(first, bare(job, batches, precision))
    count = sum(int(job.family.row_tokens(batch).sum()) for batch in made)
    padded = sum(_padded(batch, job.family) for batch in made)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    useful, model = arithmetic.STEP[job.family.name], job.plain()
    rate = sum(useful(batch, model) for batch in made) / our_seconds
    best = arithmetic.peak(sizes, job.device, dtype, job.finish)
    figures = [
        ("bare loop", f"{count / bare_seconds:,.0f} tokens/s"),
        ("training phase", f"{count / our_seconds:,.0f} tokens/s"),
        ("ratio", f"{bare_seconds / our_seconds:.3f}"),
        ("tokens that are not padding", f"{count / padded:.1%}"),
        ("useful arithmetic", f"{rate / 1e9:,.1f} GFLOP/s"),
        (f"best matrix product, {str(dtype).removeprefix('torch.')}", f"{best / 1e9:,.1f} GFLOP/s"),
        ("utilisation", f"{rate / best:.1%}"),
    ]
    if job.device.type == "cuda":
        figures.append(("peak allocated", f"{torch.cuda.max_memory_allocated(job.device) / 1e9:.2f} GB"))
    return figures


def _padded(batch: Batch, family: Family) -> int:
    """The tokens of a batch, padding included."""
    targets = (batch["labels"] != IGNORED).sum(1)
    sources = family.row_tokens(batch) - targets
    return family.padded([*zip(sources.tolist(), targets.tolist(), strict=True)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print rates, ratio and utilisation."""
    options = parser(__doc__, families=[*SHAPES])
    options.add_argument("--steps", type=int, default=8)
    options.add_argument("--batch-size", type=int, default=16)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="sizes of the matrices to multiply")
    options.add_argument("--precision", choices=get_args(Precision), default="float32", help="default: float32")
    asked = options.parse_args(arguments)
    with setting(asked) as job:
        figures = apart(OURS, measure, job, asked.steps, asked.batch_size, asked.sizes, asked.precision)
        show(f"{asked.steps} steps of {asked.batch_size}, full fine-tuning, {job.family.name}", figures)


if __name__ == "__main__":
    main()
