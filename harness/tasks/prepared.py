"""A prepared task on disk: tokenised once for a suite, mapped into memory by each of its runs."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..models.family import Encoded, Family
from ..spec.metric import Metric
from .prompt import Prompt
from .reading import Reading
from .task import PreparedTask, Question

TOKENS_FILE, TASK_FILE = "training.safetensors", "task.json"


def save(task: PreparedTask, folder: Path) -> None:
    """Write the task's files into a new folder."""
    folder.mkdir(parents=True)
    sources, targets = ([row.source for row in task.training], [row.target for row in task.training])
    texts = [_encoded(json.dumps(task.texts(row))) for row in range(len(task.training))]
    tensors = {**_joined("source", sources), **_joined("target", targets), **_joined("text", texts)}
    save_file(tensors, folder / TOKENS_FILE)
    rest = {
        "prompt": asdict(task.prompt),
        "questions": [asdict(question) for question in task.questions],
        "hash": task.hash,
        "targets_truncated": task.targets_truncated,
        "metrics": [metric.model_dump(mode="json") for metric in task.metrics],
        "reading": asdict(task.reading),
        "labels": task.labels,
        "chooses": task.chooses,
    }
    (folder / TASK_FILE).write_text(json.dumps(rest), encoding="utf-8")
    if task.reading.code:
        shutil.copy(task.reading.code, folder)


def load(folder: Path, family: Family) -> PreparedTask:
    """The task that was saved there, which the family's tokenizer has read."""
    tokens = load_file(folder / TOKENS_FILE)
    rest = json.loads((folder / TASK_FILE).read_text(encoding="utf-8"))
    lists = ("references", "targets", "rows")
    questions = [Question(**{**each, **{name: tuple(each[name]) for name in lists}}) for each in rest["questions"]]
    rows = zip(_split("source", tokens), _split("target", tokens), strict=True)
    return PreparedTask(
        prompt=Prompt(**{**rest["prompt"], "frames": tuple(map(tuple, rest["prompt"]["frames"]))}),
        hash=rest["hash"],
        targets_truncated=rest["targets_truncated"],
        metrics=tuple(map(Metric.model_validate, rest["metrics"])),
        reading=_reading(rest["reading"], folder),
        labels=tuple(rest["labels"]),
        chooses=rest["chooses"],
        training=[Encoded(*row) for row in rows],
        questions=questions,
        family=family,
        texts=partial(_text, tokens["text"], [0, *tokens["text_lengths"].cumsum(0).tolist()]),
    )


def _reading(saved: Mapping[str, Any], folder: Path) -> Reading:
    """How answers are read: by the task's Python file if it is still the same, or else by the copy that was saved."""
    code = saved["code"]
    if code is not None and not _same(Path(code), folder / Path(code).name):
        code = str(folder / Path(code).name)
    return Reading(**{**saved, "stop": tuple(saved["stop"]), "code": code})


def _same(path: Path, copy: Path) -> bool:
    return path.is_file() and path.read_bytes() == copy.read_bytes()


def _joined(name: str, rows: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.cat(list(rows)), f"{name}_lengths": torch.tensor([len(row) for row in rows])}


def _split(name: str, tokens: dict[str, torch.Tensor]) -> Iterator[torch.Tensor]:
    return iter(torch.split(tokens[name], tokens[f"{name}_lengths"].tolist()))


def _encoded(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


def _text(encoded: torch.Tensor, ends: Sequence[int], row: int) -> tuple[str, str]:
    """The prompt and the target of a training row; the others stay in their file."""
    prompt, target = json.loads(bytes(encoded[ends[row] : ends[row + 1]].tolist()))
    return prompt, target
