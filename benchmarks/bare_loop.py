"""(c) A bare PyTorch loop (forward, backward, step) compared with our training phase on the same padded batches.

Prints the tokens per second of both, without padding, and the useful arithmetic of the training phase, without
padding, as a share of the best measured float32 matrix product (bfloat16 if the loop uses autocast). The order is bare,
ours, ours, bare, so that a machine that warms up or slows down favours neither.

    python -m benchmarks.bare_loop --data FILE --steps 8
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import torch
from transformers import T5Config

from benchmarks.figures import clocked, show
from benchmarks.setting import OURS, Workload, apart, parser, setting
from harness.models.family import IGNORED, Batch
from harness.models.seq2seq import row_tokens
from harness.run import weights
from harness.spec.suite import Budget
from harness.training import loop as training
from harness.training.budget import Batches

SIZES = (512, 1024, 2048, 4096)  # of the matrices whose product shows the machine's peak


def useful(batch: Batch, config: T5Config) -> float:
    """Floating-point operations of a training step, without padding: 2 per weight forward, 4 backward."""
    width, inner, heads = config.d_model, config.d_ff, config.num_heads * config.d_kv
    attention, feed_forward = 4 * width * heads, 3 * width * inner
    encoder = config.num_layers * (attention + feed_forward)
    decoder = config.num_decoder_layers * (attention + 2 * width * heads + feed_forward) + width * config.vocab_size
    crossed = config.num_decoder_layers * 2 * width * heads  # keys and values of the source
    sources = batch["attention_mask"].sum(1).double()
    targets = (batch["labels"] != IGNORED).sum(1).double()
    linear = sources * (encoder + crossed) + targets * decoder
    pairs = config.num_layers * sources**2 + config.num_decoder_layers * (targets**2 + targets * sources)
    return float(6 * (linear + 2 * heads * pairs).sum())


def peak(sizes: Sequence[int], device: torch.device, dtype: torch.dtype, finish: Callable[[], object]) -> float:
    """The best measured matrix product, in floating-point operations per second."""
    rates = []
    for size in sizes:
        a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        repeats = max(1, 2048**3 // size**3)
        clocked(partial(torch.matmul, a, b), finish)
        seconds = min(clocked(partial(_multiply, a, b, repeats), finish) for _ in range(3))
        rates.append(2 * size**3 * repeats / seconds)
    return max(rates)


def _multiply(a: torch.Tensor, b: torch.Tensor, times: int) -> None:
    for _ in range(times):
        a @ b


def bare(job: Workload, batches: Sequence[Batch]) -> float:
    """Seconds of a loop that only makes the three calls."""
    model = job.base().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    dtype = torch.bfloat16 if training.precision(job.device) == "bf16" else None

    def loop() -> None:
        for batch in batches:
            with torch.autocast(job.device.type, dtype=dtype, enabled=dtype is not None):
                loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return clocked(loop, job.finish)


def ours(job: Workload, batch_size: int, rows: int) -> float:
    """Seconds of our training phase, including making batches, schedule, clipping, budget and gradient checks."""
    model = job.base()
    batches = Batches(job.task(job.rows).batches(batch_size, seed=0), Budget(max_examples=rows), job.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    with weights.Gradients(model).watch():
        return clocked(lambda: training.fit(model, batches, optimizer), job.finish)


def measure(job: Workload, steps: int, batch_size: int, sizes: Sequence[int]) -> list[tuple[str, str]]:
    """The rates of both loops on the same batches, and our loop's share of the machine's peak."""
    made = list(islice(job.task(job.rows).batches(batch_size, seed=0), steps))
    batches = [{name: tensor.to(job.device) for name, tensor in batch.items()} for batch in made]
    bare(job, batches[:1])  # warm up
    rows = sum(len(batch["labels"]) for batch in made)
    seconds = [bare(job, batches), ours(job, batch_size, rows), ours(job, batch_size, rows), bare(job, batches)]
    bare_seconds, our_seconds = min(seconds[0], seconds[3]), min(seconds[1], seconds[2])
    count = sum(int(row_tokens(batch).sum()) for batch in made)
    padded = sum(batch["input_ids"].numel() + batch["labels"].numel() for batch in made)
    dtype = torch.bfloat16 if training.precision(job.device) == "bf16" else torch.float32
    config = job.plain().config
    rate = sum(useful(batch, config) for batch in made) / our_seconds
    best = peak(sizes, job.device, dtype, job.finish)
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print rates, ratio and utilisation."""
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=8)
    options.add_argument("--batch-size", type=int, default=16)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="sizes of the matrices to multiply")
    asked = options.parse_args(arguments)
    with setting(asked) as job:
        figures = apart(OURS, measure, job, asked.steps, asked.batch_size, asked.sizes)
        show(f"{asked.steps} steps of {asked.batch_size}, full fine-tuning", figures)


if __name__ == "__main__":
    main()
