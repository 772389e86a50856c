"""GGUF files: converted once, by transformers, into a checkpoint with dequantised weights, which is then kept."""

import importlib.util
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from huggingface_hub import constants
from transformers import AutoConfig, AutoTokenizer, GgufConfig

from ..spec.errors import ModelError
from ..spec.hashing import digest_json
from ..spec.suite import ModelTable
from . import families

SUFFIX = ".gguf"
PREPARED = Path(constants.HF_HOME) / "tuneoff" / "gguf"  # checkpoints that were made, beside the hub's cache


def checkpoint(path: Path, table: ModelTable) -> Path:
    """The checkpoint made from a GGUF file; it is made again if the file changes.

    Raises ``ModelError`` if the package ``gguf`` is missing, and whatever transformers raises for an unusable file.
    """
    stamp = path.stat()
    name = f"{path.stem}-{digest_json([str(path.resolve()), stamp.st_size, stamp.st_mtime_ns])}"
    if not (PREPARED / name).exists():
        if importlib.util.find_spec("gguf") is None:
            raise ModelError(f"model {table.name!r}: reading a GGUF file needs a package: pip install 'tuneoff[gguf]'")
        PREPARED.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=PREPARED) as scratch:
            made = Path(scratch) / name
            _convert(path, made, table)
            if not (PREPARED / name).exists():  # another session may have been faster
                made.replace(PREPARED / name)
    return PREPARED / name


def _convert(path: Path, folder: Path, table: ModelTable) -> None:
    source = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    family = families.of(table, AutoConfig.from_pretrained(**source))
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)
    dense = GgufConfig(dequantize=True)
    family.loader.from_pretrained(**source, quantization_config=dense, dtype=torch.float32).save_pretrained(folder)
