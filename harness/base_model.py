"""Loading a base model, and proving that it loaded whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from harness import integrity
from harness.errors import ModelError
from harness.suite import ModelTable

EMBEDDED = Path(__file__).parent / "embedded" / "base_model"
TOKENIZER_FILES = ("tokenizer.json", "spiece.model", "tokenizer.model", "vocab.json", "vocab.txt")

Seq2Seq: TypeAlias = PreTrainedModel  # or the PeftModel around it


@dataclass(frozen=True)
class Base:
    """A base model in float32 on its device, with its tokenizer."""

    model: Seq2Seq
    tokenizer: PreTrainedTokenizerBase


def pick_device(name: str | None) -> torch.device:
    """The device of that name; without a name CUDA, then MPS, then the CPU."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"--device {name}: not available here ({str(error).splitlines()[0]}); try --device cpu"
        ) from error


def load(table: ModelTable, device: torch.device) -> Base:
    """The model and tokenizer of that name: ``embedded``, a hub id or a local folder.

    Weights come from safetensors only, are float32, and no code of the repository is run.
    Raises ``ModelError`` that says what to do when it cannot be had.
    """
    name = str(EMBEDDED) if table.name == "embedded" else table.name
    options = {"revision": table.revision, "trust_remote_code": False}
    try:
        _has_tokenizer(name)
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model = AutoModelForSeq2SeqLM.from_pretrained(name, dtype=torch.float32, use_safetensors=True, **options)
        integrity.verify(model, name, table.revision)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(_advice(table.name, error)) from error
    return Base(model.to(device), tokenizer)


def _has_tokenizer(name: str) -> None:
    """transformers makes up a tokenizer, without a word, for a folder that has none."""
    folder = Path(name)
    if folder.is_dir() and not any((folder / file).exists() for file in TOKENIZER_FILES):
        raise OSError(f"no tokenizer (one of {', '.join(TOKENIZER_FILES)})")


def _advice(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300]
    if Path(name).exists():
        needs = "config.json, model.safetensors and a tokenizer"
        return f"model {name!r}: not a usable checkpoint folder, which needs {needs}: {reason}"
    return (
        f"model {name!r}: neither a local folder nor to be had from the hub: {reason} "
        "Without a network use the suite 'embedded', a local folder, or a filled cache with HF_HUB_OFFLINE=1."
    )
