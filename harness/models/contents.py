"""What a folder or a repository has instead of a checkpoint: an adapter, pickled weights, GGUF files."""

import json
import shlex
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path

import transformers
from transformers import PretrainedConfig

from ..spec.errors import ModelError, brief
from ..spec.suite import ModelTable
from . import families, gguf, hub
from .integrity import INDEX_FILE, SINGLE_FILE

ADAPTER_FILE, BASE_KEY = "adapter_config.json", "base_model_name_or_path"  # of PEFT
PICKLED = "pytorch_model*.bin"
CONVERTED = "-safetensors"  # the end of the name of a converted checkpoint
MAX_LISTED_FILES, MAX_NAME_CHARACTERS = 3, 200


def check(folder: Path, table: ModelTable, config: Callable[[], PretrainedConfig]) -> None:
    """Raise ``ModelError``, which says what to do, for an adapter, and for weights that are not in safetensors.

    ``config`` returns the configuration of the checkpoint.
    """
    if (folder / ADAPTER_FILE).exists():
        raise ModelError(f"model {table.name!r}: {_adapter(folder / ADAPTER_FILE)}")
    if any((folder / file).exists() for file in (SINGLE_FILE, INDEX_FILE)):
        return
    path = hub.local(table.name)
    files = [each.name for each in folder.iterdir()] if path else hub.files("model", table.name, folder)
    if any(fnmatch(file, PICKLED) for file in files):
        raise ModelError(f"model {table.name!r}: {_pickled(path, table, config())}")
    if found := sorted(file for file in files if file.lower().endswith(gguf.SUFFIX)):
        raise ModelError(f"model {table.name!r}: {_in_gguf(path, table, found)}")


def _adapter(file: Path) -> str:
    try:
        named = json.loads(file.read_text(encoding="utf-8"))[BASE_KEY]
    except (OSError, ValueError, KeyError, TypeError):
        named = None
    base = brief(named, MAX_NAME_CHARACTERS) if isinstance(named, str) else ""
    of, choose = (f"of the model {base!r}", f"--model={base}") if base else ("of some model", "that model")
    return (
        f"an adapter ({ADAPTER_FILE}) {of}, and not a whole model; choose {choose}, or merge the adapter into it with "
        "PEFT's merge_and_unload() and save the result"
    )


def _pickled(path: Path | None, table: ModelTable, config: PretrainedConfig) -> str:
    """Why pickles are not read, and the command that converts them, as the class that saved them would save them."""
    family = families.of(table, config)
    source, place = (f"{path}", f"{path}{CONVERTED}") if path else (table.name, table.name.split("/")[-1] + CONVERTED)
    named = [each for each in config.architectures or () if hasattr(transformers, each)]
    loader = named[0] if named else family.loader.__name__
    which = f", revision={_quoted(table.revision)}" if table.revision and not path else ""
    code = (
        f"from transformers import AutoTokenizer, {loader}; source, place = {_quoted(source)}, {_quoted(place)}; "
        f"{loader}.from_pretrained(source, weights_only=True{which}).save_pretrained(place); "
        f"AutoTokenizer.from_pretrained(source{which}).save_pretrained(place)"
    )
    return (
        "its weights are pickles, which can run any code when they are read; choose a checkpoint with safetensors, or "
        f"convert this one and then choose --model={place}: python -c {shlex.quote(code)}"
    )


def _quoted(text: str) -> str:
    """A text in Python's double quotes, which a shell's single quotes can hold."""
    return json.dumps(text, ensure_ascii=False)


def _in_gguf(path: Path | None, table: ModelTable, files: Sequence[str]) -> str:
    if path:
        shown = [f"--model={shlex.quote(f'{path / file}')}" for file in files[:MAX_LISTED_FILES]]
        return f"a folder of GGUF files; choose one of them: {', or '.join(shown)}"
    file, which = shlex.quote(files[0]), f" --revision {shlex.quote(table.revision)}" if table.revision else ""
    download = f"hf download {table.name} {file}{which} --local-dir ."
    return f"a repository of GGUF files; download one, such as by `{download}`, and choose it: --model={file}"
