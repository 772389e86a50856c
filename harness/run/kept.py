"""Turns a saved model into a folder that transformers or PEFT can use without Tuneoff, and tests that they can."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..method import Setting
from ..models import base_model
from ..models.contents import ADAPTER_FILE
from ..models.family import Family
from ..spec import failure
from ..spec.checkpoint import Checkpoint
from ..spec.errors import brief
from ..spec.hashing import digest_of_folder
from ..spec.plan import Order
from ..spec.suite import ModelTable
from . import card
from .script import Script, script_of

MODEL_FILE = "config.json"
TOKENIZER_SETTINGS_FILE = "tokenizer_config.json"
KEPT_SUFFIXES = (".safetensors", ".json", ".md")  # of what a model saves; other files might run code when loaded


@dataclass(frozen=True)
class Trained:
    """A model that a run has trained and saved in ``folder``, and its answers to some prompts."""

    folder: Path
    setting: Setting
    device: torch.device
    answers: Mapping[str, str]  # by prompt
    score: str  # in words
    labels: Sequence[str] = ()  # among which it chose its answers


def keep(trained: Trained, order: Order, place: Path) -> Checkpoint:
    """Complete the saved model of a run and move it to ``place``; if that fails, the result says why."""
    try:
        return _kept(trained, order, place)
    except Exception as error:  # a tokenizer, a library or a disk may fail in any way
        failure.release(error)
        return Checkpoint(reason=_words(error), disk_failed=_is_of_the_disk(error))


def _kept(trained: Trained, order: Order, place: Path) -> Checkpoint:
    folder, setting = trained.folder, trained.setting
    if problem := _problem(folder):
        return Checkpoint(reason=problem)
    loader, base = _loader(folder, setting.family), order.origin or base_model.origin(order.model)
    script = script_of(loader, setting.prompt, setting.family, order.model, trained.labels, setting.stop)
    _complete(folder, setting)
    _name(base_model.on_disk(order.model), folder)
    reason = _difference(trained, script)
    _name(base, folder)
    shown = card.of(order.spec, base, script, trained.score, reason, setting.family.conversation)
    (folder / "README.md").write_text(shown, encoding="utf-8")
    size = sum(path.stat().st_size for path in _files(folder))
    if (room := shutil.disk_usage(folder).free) < size:  # a run needs twice as much while it checks itself
        reason = f"its {_megabytes(size)} would leave no room for other runs, with {_megabytes(room)} free"
        return Checkpoint(reason=reason, disk_failed=True)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(place)
    return Checkpoint(
        hash=digest_of_folder(place), bytes=size, loader=loader, answers_equal=reason is None, reason=reason
    )


def _problem(folder: Path) -> str | None:
    """Why what a model saved cannot be kept; ``None`` if it can."""
    if others := [path.name for path in _files(folder) if path.suffix not in KEPT_SUFFIXES]:
        return f"its save_pretrained() wrote {', '.join(others[:3])}; only weights in safetensors are kept"
    if not any((folder / name).exists() for name in (ADAPTER_FILE, MODEL_FILE)):
        return f"its save_pretrained() wrote neither {ADAPTER_FILE} nor {MODEL_FILE}, so nothing else can load it"
    return None


def _loader(folder: Path, family: Family) -> str:
    """The class that loads what was saved: transformers', or PEFT's for an adapter."""
    name: str = family.loader.__name__
    return name.replace("Auto", "AutoPeft", 1) if (folder / ADAPTER_FILE).exists() else name


def _complete(folder: Path, setting: Setting) -> None:
    """Add the tokenizer, which pads prompts as generation needs it, and the generation settings."""
    setting.tokenizer.save_pretrained(folder)
    _set(folder / TOKENIZER_SETTINGS_FILE, padding_side=setting.family.padding_side)
    if language := getattr(setting.tokenizer, "tgt_lang", None):  # which may have been chosen after it was loaded
        _set(folder / TOKENIZER_SETTINGS_FILE, tgt_lang=language)
    if setting.generation:
        setting.generation.save_pretrained(folder)


def _name(base: ModelTable, folder: Path) -> None:
    """Name the base model in every adapter's configuration."""
    for path in folder.rglob(ADAPTER_FILE):
        _set(path, base_model_name_or_path=base.name, revision=base.revision)


def _set(path: Path, **values: str | None) -> None:
    """Set these keys of a file with a JSON object."""
    content = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _difference(trained: Trained, script: Script) -> str | None:
    """Why the script does not give the scored answers; ``None`` if it does."""
    text = trained.setting.prompt.unfilled
    answers = [(text(prompt), answer) for prompt, answer in trained.answers.items()]
    try:
        given = script.gives(trained.folder, answers, trained.device)
    except Exception as error:  # whatever transformers and PEFT raise
        failure.release(error)
        return f"it cannot be used without the method's code: {_words(error)}"
    wrong = given.count(False)
    if not wrong:
        return None
    return f"without the method's code, {wrong} of its first {len(given)} answers differ from the scored ones"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _is_of_the_disk(error: Exception) -> bool:
    """Whether the system refused to write; libraries raise ``OSError`` without a number for other reasons."""
    return failure.full_disk(error) or (isinstance(error, OSError) and error.errno is not None)


def _words(error: Exception) -> str:
    remedy = f"; {failure.DISK_REMEDY}" if failure.full_disk(error) else ""
    return f"{type(error).__name__}: {brief(str(error), 200)}{remedy}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
