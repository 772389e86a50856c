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
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    T5ForConditionalGeneration,
    set_seed,
)

from harness.catalogue import shapes
from harness.execute import forkserver
from harness.models import base_model
from harness.models.family import Family
from harness.run import environment
from harness.spec.suite import ModelTable, TaskTable
from harness.tasks import data
from harness.tasks.data import Example
from harness.tasks.task import PROMPTS, Task, prepare

VOCABULARY = 32_128
OURS = forkserver.VARIABLES
Figures = tuple[float, float]  # seconds of training, seconds of answering
Result = TypeVar("Result")
TABLE = TaskTable(name="dialogsum")
PROMPT = PROMPTS["dialogsum"]


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

    def plain(self) -> PreTrainedModel:
        """The model, loaded by ``transformers``."""
        return T5ForConditionalGeneration.from_pretrained(self.checkpoint).to(self.device)

    def base(self) -> PreTrainedModel:
        """The same model, loaded by the harness."""
        return base_model.load_model(ModelTable(name=str(self.checkpoint)), self.device, self.family)

    def finish(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def task(self, rows: Sequence[Example], summaries: int = 1) -> Task:
        """The harness's task with these rows; each test row has ``summaries`` references."""
        test = [row for row in rows for _ in range(summaries)]
        return prepare(TABLE, {"train": rows, "test": test}, self.family)


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every script has."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--data", default="embedded", help="JSON lines, CSV or Parquet with dialogue and summary (default: embedded)"
    )
    options.add_argument(
        "--model", metavar="DIR", help="folder of a T5 checkpoint (default: flan-t5-small's shape with random weights)"
    )
    options.add_argument("--device", help="cpu, cuda (default: the best available)")
    return options


@contextmanager
def setting(options: argparse.Namespace) -> Iterator[Workload]:
    """Read the rows, create a checkpoint if none is named, and print what the figures apply to."""
    splits = data.load(TaskTable(name="dialogsum", data=options.data))
    rows = list({row.dialogue: row for split in ("train", "test") for row in splits[split]}.values())
    device = base_model.pick_device(options.device)
    with tempfile.TemporaryDirectory() as name:
        checkpoint = Path(options.model or _random(Path(name), rows))
        base = base_model.load(ModelTable(name=str(checkpoint)), device)
        here = environment.describe(device, base.model, [])
        print(f"{date.today()}, {here.device_name}, {here.threads} threads, data {Path(options.data).name}")
        print(", ".join(f"{name} {here.packages[name]}" for name in ("torch", "transformers", "accelerate")))
        yield Workload(rows, base.family, device, checkpoint)


def _random(folder: Path, rows: Sequence[Example]) -> Path:
    """A checkpoint of flan-t5-small's shape: 8+8 layers, width 512, untied output, 76,961,152 parameters."""
    set_seed(0)
    shapes.t5(**shapes.FLAN_T5_SMALL).save_pretrained(folder)
    _tokenizer(rows).save_pretrained(folder)
    return folder


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


def _tokenizer(rows: Sequence[Example]) -> PreTrainedTokenizerFast:
    """A BPE tokenizer trained on the rows, so that lengths are like those of T5 on English text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 100, special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False
    )
    texts = (text for row in rows for text in (row.dialogue, row.summary, PROMPT.fill("")))
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )


def first(rows: Sequence[Example], count: int) -> list[Example]:
    """``count`` evenly spaced rows, so that their lengths are typical."""
    return list(islice(rows[:: max(1, len(rows) // count)], count))
