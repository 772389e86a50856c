"""What the scripts share: a checkpoint, rows, and a separate process for each side."""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from benchmarks import random_checkpoints
from benchmarks.random_checkpoints import SHAPES
from harness.execute import forkserver
from harness.models import base_model
from harness.models.family import Family
from harness.run import environment
from harness.spec.suite import Budget, ModelTable, TaskTable
from harness.tasks import data
from harness.tasks.data import Example
from harness.tasks.task import PreparedTask, prepare, prompt_of
from harness.training.budget import Batches

OURS = forkserver.VARIABLES
Figures = tuple[float, float]  # seconds of training, seconds of answering
Result = TypeVar("Result")
TABLE = TaskTable(name="dialogsum")
PROMPT = prompt_of(TABLE)


@dataclass(frozen=True)
class Workload:
    """One job: rows, tokenizer, device, and a checkpoint."""

    rows: Sequence[Example]
    family: Family
    device: torch.device
    checkpoint: Path

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The checkpoint's tokenizer."""
        return self.family.tokenizer

    @property
    def table(self) -> ModelTable:
        """The checkpoint as a suite names it."""
        return ModelTable(name=str(self.checkpoint))

    def plain(self) -> PreTrainedModel:
        """The model, loaded by ``transformers``."""
        model: PreTrainedModel = self.family.loader.from_pretrained(self.checkpoint)
        return model.to(self.device)

    def base(self) -> PreTrainedModel:
        """The same model, loaded by the harness."""
        return base_model.load_model(self.table, self.device, self.family)

    def finish(self) -> None:
        """Wait for the device."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)

    def task(self, rows: Sequence[Example], summaries: int = 1) -> PreparedTask:
        """The harness's task with these rows; each test row has ``summaries`` references."""
        test = [row for row in rows for _ in range(summaries)]
        return prepare(TABLE, {"train": rows, "test": test}, self.family)

    def batches(self, rows: Sequence[Example], batch_size: int, examples: int | None = None) -> Batches:
        """The batches of a training phase that sees every row once, or ``examples`` of the rows."""
        budget = Budget(max_examples=len(rows) if examples is None else examples)
        return Batches(self.task(rows).batches(batch_size, seed=0), budget, self.device, self.family.row_tokens)


def parser(description: str | None, families: Sequence[str] = ("seq2seq",)) -> argparse.ArgumentParser:
    """The options that every script has, and ``--family`` for scripts that take models of several families."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--data", default="embedded", help="JSON lines, CSV or Parquet with dialogue and summary (default: embedded)"
    )
    shapes = " or ".join(SHAPES[family].name for family in families)
    options.add_argument("--model", metavar="DIR", help=f"folder of a checkpoint (default: random, {shapes})")
    options.add_argument("--device", help="cpu, cuda (default: the best available)")
    options.set_defaults(families=families, family=families[0])
    if len(families) > 1:
        options.add_argument("--family", choices=families, help=f"of the random weights (default: {families[0]})")
    return options


@contextmanager
def setting(options: argparse.Namespace) -> Iterator[Workload]:
    """Read the rows, create a checkpoint if none is named, and print what the figures apply to."""
    splits = data.load(TaskTable(name="dialogsum", data=options.data))
    rows = list({row.source: row for split in ("train", "test") for row in splits[split]}.values())
    device = base_model.pick_device(options.device)
    with tempfile.TemporaryDirectory() as name:
        texts = (text for row in rows for text in (row.source, row.target, PROMPT.fill("")))
        checkpoint = Path(options.model or random_checkpoints.create(options.family, Path(name), texts))
        base = base_model.load(ModelTable(name=str(checkpoint)), device)
        if base.family.name not in options.families:
            wanted = " or ".join(options.families)
            raise SystemExit(f"--model={options.model}: the script needs a {wanted} model; this is {base.family.name}")
        here = environment.describe(device, base.model, [])
        print(f"{date.today()}, {here.device_name}, {here.threads} threads, data {Path(options.data).name}")
        print(", ".join(f"{name} {here.packages[name]}" for name in ("torch", "transformers", "accelerate")))
        yield Workload(rows, base.family, device, checkpoint)


def apart(environment: dict[str, str], work: Callable[..., Result], *arguments: object) -> Result:
    """The result of a function in a fresh process, as if its side ran alone.

    The process gets these environment variables, except those that are already set.
    """
    added = {name: value for name, value in environment.items() if name not in os.environ}
    with patch.dict(os.environ, added), ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def beside(
    job: Workload, theirs: Callable[..., Figures], ours: Callable[..., Figures], training: int, test: int
) -> tuple[Figures, Figures]:
    """Run both sides, one after the other, on the same training and test rows; their side gets a folder."""
    rows = first(job.rows, training + test)
    split = rows[:training], rows[training:]
    with tempfile.TemporaryDirectory() as folder:
        return apart({}, theirs, job, *split, folder), apart(OURS, ours, job, *split)


def first(rows: Sequence[Example], count: int) -> list[Example]:
    """``count`` evenly spaced rows, so that their lengths are typical."""
    return list(islice(rows[:: max(1, len(rows) // count)], count))
