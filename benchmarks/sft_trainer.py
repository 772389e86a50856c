"""(g) ``trl``'s ``SFTTrainer`` compared with our training phase on a decoder-only model, same rows and batch size.

The rows are prompts and completions, so both learn the completions alone. Both do full fine-tuning on each row once,
each in its own process; tokenising and one batch to warm up are not counted. A prompt that is longer than the task's
limit is cut before either sees it. These defaults of trl 1.16 decide how fast it is:

- ``bf16``: autocast to bfloat16 on any device. We use what ``--precision`` says, float32 by default.
- ``gradient_checkpointing``: the forward pass is computed twice.
- no ``packing``, no ``padding_free``: the rows of a batch are drawn at random and padded to the longest. We put rows of
  similar length into a batch.
- ``loss_type``: logits are computed in tiles, and again in the backward pass; on a CPU at every position of a batch.
  transformers' loss, which we use, computes them once, with all of them in memory.

It is measured a second time in our precision and without gradient checkpointing, to show what is left without these
two. Needs the package trl, which is no dependency: ``pip install -e '.[bench]' -c constraints.txt``.

    python -m benchmarks.sft_trainer --data FILE --examples 32
"""

import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, get_args

import torch
from datasets import Dataset

from benchmarks.figures import clocked, show
from benchmarks.setting import OURS, Workload, apart, first, parser, setting
from harness.run import weights
from harness.spec.suite import Precision
from harness.tasks.data import Example
from harness.training import loop as training
from harness.training.autocast import applied

PACKAGE = "trl"
QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1"}  # trl reports each trainer that is made


def theirs(job: Workload, rows: Sequence[Example], batch_size: int, folder: str, options: Mapping[str, bool]) -> float:
    """The tokens per second of ``SFTTrainer.train``, without padding; ``options`` replace its defaults."""
    from trl import SFTConfig, SFTTrainer

    prompts = [question.prompt for question in job.task(rows).questions]
    pairs = [{"prompt": prompt, "completion": row.target} for prompt, row in zip(prompts, rows, strict=True)]

    def trainer(pairs: Sequence[Mapping[str, str]]) -> Any:
        arguments = SFTConfig(
            folder,
            num_train_epochs=1,
            per_device_train_batch_size=batch_size,
            report_to=[],
            disable_tqdm=True,
            use_cpu=job.device.type == "cpu",
            save_strategy="no",
            logging_strategy="no",
            **options,
        )
        data = Dataset.from_list(list(pairs))
        return SFTTrainer(model=job.plain(), args=arguments, train_dataset=data, processing_class=job.tokenizer)

    trainer(pairs[:batch_size]).train()
    loop = trainer(pairs)
    seconds = clocked(loop.train, job.finish)
    return sum(len(ids) for ids in loop.train_dataset["input_ids"]) / seconds


def ours(job: Workload, rows: Sequence[Example], batch_size: int, precision: Precision) -> float:
    """The same of our training phase, including making batches, schedule, clipping, budget and gradient checks."""

    def train(rows: Sequence[Example]) -> float:
        model, batches = job.base(), job.batches(rows, batch_size)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, fused=True)
        with weights.Gradients(model).watch(), applied(model, precision):
            seconds = clocked(lambda: training.fit(model, batches, optimizer), job.finish)
        return batches.used.tokens / seconds

    train(rows[:batch_size])
    return train(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all three, and print rates and ratios."""
    options = parser(__doc__, families=["causal"])
    options.add_argument("--examples", type=int, default=32)
    options.add_argument("--batch-size", type=int, default=8, help="default: 8, the trainer's own")
    options.add_argument("--precision", choices=get_args(Precision), default="float32", help="default: float32")
    asked = options.parse_args(arguments)
    if find_spec(PACKAGE) is None:
        raise SystemExit(f"this script needs the package {PACKAGE}: pip install -e '.[bench]' -c constraints.txt")
    with setting(asked) as job, tempfile.TemporaryDirectory() as folder:
        rows = first(job.rows, asked.examples)
        alike = {"bf16": asked.precision == "bf16", "gradient_checkpointing": False}
        usual = apart(QUIET, theirs, job, rows, asked.batch_size, folder, {})
        changed = apart(QUIET, theirs, job, rows, asked.batch_size, folder, alike)
        mine = apart(OURS, ours, job, rows, asked.batch_size, asked.precision)
    show(
        f"{len(rows)} examples in batches of {asked.batch_size}, full fine-tuning, {PACKAGE} {version(PACKAGE)}",
        [
            ("SFTTrainer with its defaults", f"{usual:,.0f} tokens/s"),
            ("SFTTrainer in our precision, without gradient checkpointing", f"{changed:,.0f} tokens/s"),
            ("training phase", f"{mine:,.0f} tokens/s"),
            ("ratio to its defaults", f"{mine / usual:.2f}"),
            ("ratio to the second", f"{mine / changed:.2f}"),
        ],
    )


if __name__ == "__main__":
    main()
