"""GGUF files: converted once, by transformers, into a checkpoint with dequantised weights, which is then kept."""

import importlib.util
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from huggingface_hub import constants
from transformers import AutoConfig, AutoTokenizer, GgufConfig

from ..spec.errors import ModelError, TuneoffError, brief
from ..spec.failure import full_disk
from ..spec.hashing import digest_json
from ..spec.suite import ModelTable
from . import families

SUFFIX = ".gguf"
MAGIC = b"GGUF"  # which every such file begins with
PACKAGE = "gguf"
PREPARED = Path(constants.HF_HOME) / "tuneoff" / "gguf"  # checkpoints that were made, beside the hub's cache


def checkpoint(path: Path, table: ModelTable) -> Path:
    """The checkpoint made from a GGUF file; it is made again if the file or transformers' release changes.

    Raises ``ModelError``, which says what to do, for a file that cannot be converted.
    """
    place = PREPARED / name_of(path)
    if not place.exists():
        try:
            _make(path, place, table)
        except (TuneoffError, MemoryError):
            raise
        except Exception as error:  # what reads a damaged file raises anything
            raise ModelError(f"model {table.name!r}: {_problem(error)}") from error
    return place


def name_of(path: Path) -> str:
    """The name of the folder with a file's checkpoint: one for each state of the file and release of transformers."""
    stamp = path.stat()
    known = [str(path.resolve()), stamp.st_size, stamp.st_mtime_ns, version("transformers")]
    return f"{path.stem}-{digest_json(known)}"


def put(made: Path, place: Path) -> None:
    """Move a checkpoint to its place, unless another session has put one there."""
    try:
        made.replace(place)
    except OSError:
        if not place.exists():
            raise


def _make(path: Path, place: Path, table: ModelTable) -> None:
    with path.open("rb") as file:
        begins = file.read(len(MAGIC))
    if begins != MAGIC:
        raise ModelError(f"model {table.name!r}: not a GGUF file: it does not begin with GGUF; download it again")
    if importlib.util.find_spec(PACKAGE) is None:
        raise ModelError(f"model {table.name!r}: reading a GGUF file needs a package: pip install 'tuneoff[gguf]'")
    with _scratch(table) as scratch:
        made = Path(scratch) / place.name
        _convert(_alone(path, Path(scratch)), made, table)
        put(made, place)


def _scratch(table: ModelTable) -> TemporaryDirectory[str]:
    try:
        PREPARED.mkdir(parents=True, exist_ok=True)
        return TemporaryDirectory(dir=PREPARED)
    except OSError as error:
        raise ModelError(
            f"model {table.name!r}: the converted file would be kept in {PREPARED}, which cannot be written to "
            f"({error}); set HF_HOME to a writable folder"
        ) from error


def _alone(path: Path, scratch: Path) -> Path:
    """The file in a folder of its own: transformers prefers a tokenizer and settings that lie beside it to its own."""
    folder = scratch / "alone"
    folder.mkdir()
    (folder / path.name).symlink_to(path.resolve())
    return folder / path.name


def _convert(path: Path, folder: Path, table: ModelTable) -> None:
    source = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": str(path)}
    family = families.of(table, AutoConfig.from_pretrained(**source))
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)
    options = {"quantization_config": GgufConfig(dequantize=True), "dtype": torch.float32}
    model, found = family.loader.from_pretrained(**source, **options, output_loading_info=True)
    if missing := sorted(found["missing_keys"]):
        raise ModelError(
            f"model {table.name!r}: the file has no tensor {missing[0]}, which would have random values; download it "
            "again, or choose the model's own checkpoint with safetensors"
        )
    model.save_pretrained(folder)


def _problem(error: Exception) -> str:
    """Why a file was not converted, and what to do."""
    if full_disk(error):
        return f"no room in {PREPARED} for the converted file; free some space, or set HF_HOME"
    return (
        f"transformers cannot convert this GGUF file ({type(error).__name__}: {brief(error, 200)}); download it again "
        "if it is not complete, or choose the model's own checkpoint with safetensors"
    )
