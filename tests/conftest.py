"""Shared by all tests: a tiny random T5, rows like DialogSum's, and ways to write them down."""

import gc
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from harness.models.base_model import Base
    from harness.store.results import Store
    from harness.tasks.task import PreparedTask

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported: no test may need a network
os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported: two threads on tiny models only wait
for _name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
    os.environ.pop(_name, None)  # sessions that tests start are nobody's workers

settings.register_profile("reproducible", derandomize=True, database=None, deadline=None)
settings.load_profile("reproducible")

Row = Mapping[str, str]
Write = Callable[[Path, Sequence[Row]], Path]

THINGS = (
    "a red bicycle",
    "two tickets to Leeds",
    "a table for four",
    "the blue jacket",
    "a room with a view",
    "some fresh bread",
    "an English dictionary",
    "a haircut",
    "his old keys",
    "a parking place",
    "the morning paper",
    "three green apples",
)
REPLIES = ("Of course.", "That will be ten pounds.", "I am sorry, we have none left.", "Please wait a moment.")


def _row(number: int) -> Row:
    thing = THINGS[number % len(THINGS)]
    turns = [f"#Person1#: Hello, I would like {thing}.", f"#Person2#: {REPLIES[number % len(REPLIES)]}"]
    turns += [f"#Person1#: I have asked {count + 1} times." for count in range(number // 3)]
    return {
        "id": f"row_{number}",
        "dialogue": "\n".join(turns),
        "summary": f"#Person1# wants {thing}.",
        "topic": "shopping",
    }


def pytest_collection_finish() -> None:
    """Keep what the tests have imported out of garbage collections, each of which takes a third of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """Twenty-four rows with different dialogues of different lengths."""
    return [_row(number) for number in range(24)]


@pytest.fixture(scope="session")
def write() -> Write:
    """``write(path, rows)``: the rows as CSV, JSON lines or Parquet, by the path's suffix; returns the path."""

    def write_rows(path: Path, rows: Sequence[Row]) -> Path:
        import pandas

        path.parent.mkdir(parents=True, exist_ok=True)
        match path.suffix:
            case ".csv":
                pandas.DataFrame(rows).to_csv(path, index=False)
            case ".parquet":
                pandas.DataFrame(rows).to_parquet(path)
            case _:
                path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write_rows


@pytest.fixture(scope="session")
def tokenizer(rows: Sequence[Row]) -> Any:
    """A byte-level BPE tokenizer of a few hundred pieces, T5's special tokens in T5's places."""
    from harness.embedded.architecture import build_tokenizer

    return build_tokenizer((row["dialogue"] for row in rows), vocabulary=400)


@pytest.fixture(scope="session")
def tiny_folder(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder: a random T5 of FLAN-T5's kind, 2+2 layers of width 32, untied; read only."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("tiny_t5")
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=400,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_heads=4,
        num_layers=2,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    model = T5ForConditionalGeneration(config)
    # transformers 5 ties every new T5; different values in the checkpoint stay apart when it is loaded.
    model.lm_head.weight = torch.nn.Parameter(torch.randn(400, 32))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator["Store"]:
    """The open store of a suite called ``small``."""
    from harness.store.results import Store

    opened = Store(tmp_path, "small")
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def base(tiny_folder: Path) -> "Base":
    """The tiny T5 and its tokenizer, freshly loaded onto the CPU."""
    import torch

    from harness.models import base_model
    from harness.spec.suite import ModelTable

    return base_model.load(ModelTable(name=str(tiny_folder)), torch.device("cpu"))


@pytest.fixture(scope="session")
def toy_task(
    rows: Sequence[Row],
    write: Write,
    tokenizer: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> "PreparedTask":
    """A task of sixteen training rows and four test dialogues."""
    from harness.models.seq2seq import Seq2SeqFamily
    from harness.spec.suite import TaskTable
    from harness.tasks import data
    from harness.tasks.task import prepare

    folder = tmp_path_factory.mktemp("toy_task")
    write(folder / "train.jsonl", rows[:16])
    write(folder / "test.jsonl", rows[16:20])
    table = TaskTable(name="dialogsum", data=str(folder))
    return prepare(table, data.load(table), Seq2SeqFamily(tokenizer))


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoint that a test may break."""
    return shutil.copytree(tiny_folder, tmp_path / "checkpoint")
