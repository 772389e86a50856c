"""Loading a base model, and proving that it loaded whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from harness.errors import ModelError
from harness.suite import ModelTable

EMBEDDED = Path(__file__).parent / "embedded" / "base_model"

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
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model, info = AutoModelForSeq2SeqLM.from_pretrained(
            name, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **options
        )
    except (OSError, ValueError) as error:
        raise ModelError(_advice(table.name, error)) from error
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:5])
        raise ModelError(f"model {table.name!r}: the checkpoint has no {missing}; these would stay random")
    return Base(model.to(device), tokenizer)


def _advice(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300]
    if Path(name).exists():
        needs = "config.json, model.safetensors and a tokenizer"
        return f"model {name!r}: not a usable checkpoint folder, which needs {needs}: {reason}"
    return (
        f"model {name!r}: neither a local folder nor to be had from the hub: {reason} "
        "Without a network use the suite 'embedded', a local folder, or a filled cache with HF_HUB_OFFLINE=1."
    )
