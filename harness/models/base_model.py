"""Loads a base model and checks that it loaded in full."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoTokenizer,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.activations import NewGELUActivation

from ..spec import suite
from ..spec.errors import ModelError, TuneoffError
from ..spec.hashing import digest_of_files
from ..spec.record import Generation
from ..spec.suite import Evaluation, ModelTable, TaskTable
from . import contents, cpu_kernels, families, generation, gguf, hub, integrity, precision
from .cpu_kernels import Dropout
from .family import Family

EMBEDDED = Path(__file__).parents[1] / "embedded" / "base_model"
VOCABULARY_FILES = ("tokenizer.json", "vocab*.json", "*.txt", "*.model", "*.spm", "*.tokenizer")
# The files to download from a repository; no weights in other formats.
CHECKPOINT_FILES = ("*.json", *VOCABULARY_FILES, "*.jinja", "model*.safetensors")
TOKENIZER_FILE = "tokenizer.json"  # holds a whole tokenizer
OPTIONAL_FILES = ("tokenizer_config.json", "target_vocab.json")  # of the vocabulary files that a tokenizer class names
TEMPLATE_FILES, WEIGHTS_SUFFIX = "additional_chat_templates/*.jinja", ".safetensors"

Model: TypeAlias = PreTrainedModel  # or the PeftModel around it


@dataclass(frozen=True)
class Base:
    """A base model on its device, with its family, which has its tokenizer."""

    model: Model
    family: Family

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The model's tokenizer."""
        return self.family.tokenizer


def pick_device(name: str | None) -> torch.device:
    """The device of that name; without a name, the first that is available of CUDA, MPS and the CPU.

    In a virtual machine, macOS reports MPS without memory; there, it is the CPU.
    """
    if name is None and not torch.cuda.is_available() and torch.backends.mps.is_available():
        with suppress(RuntimeError):
            return _holding("mps")
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return _holding(name)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"--device={name}: not available here ({str(error).splitlines()[0]}); try --device=cpu"
        ) from error


def _holding(name: str) -> torch.device:
    """The device of that name, after it has held a number; raises what torch raises if it cannot."""
    one = torch.ones(1, device=name)
    one.item()  # the device "meta" holds no values
    return one.device


def load(
    table: ModelTable,
    device: torch.device,
    evaluation: Evaluation | None = None,
    task: TaskTable | None = None,
) -> Base:
    """The model and tokenizer of that name: ``embedded``, a hub id or a local folder.

    Weights come from safetensors only, and no code of the repository is run. They are float32, or else frozen, with the
    dtype and quantization of ``table``. The model generates as ``evaluation`` says, and reads prompts as ``task`` says.
    Raises ``ModelError``, which says what to do, if it cannot be loaded.
    """
    folder, _ = _folder(table)
    config = partial(_config, folder, table)
    contents.check(folder, table, config)
    kind = families.of(table, config())
    family = families.with_tokenizer(kind, _tokenizer(folder, table), task, table.name)
    return Base(load_model(table, device, family, evaluation), family)


def load_model(table: ModelTable, device: torch.device, family: Family, evaluation: Evaluation | None = None) -> Model:
    """The model alone, as ``load`` returns it."""
    folder, _ = _folder(table)
    config = generation.clean(_config(folder, table))
    with _explained(table):
        model, found = family.loader.from_pretrained(
            str(folder),
            config=config,
            generation_config=GenerationConfig(),
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **precision.options(table, device),
        )
        integrity.finite(model, table.name)
        if table.quantization is None:
            integrity.verify(model, folder, table.name)
        else:  # packed weights equal none of the checkpoint's
            integrity.complete(found["missing_keys"], table.name)
        generation.settle(model, folder, family, evaluation or Evaluation(), table.name)
    if precision.frozen(table):
        precision.freeze(model)
    return _on(device, _fused(model), table)


def on_disk(table: ModelTable) -> ModelTable:
    """The model by the absolute path of its folder, where transformers finds it without the hub."""
    return table.model_copy(update={"name": f"{_folder(table)[0].absolute()}", "revision": None})


def origin(table: ModelTable) -> ModelTable:
    """The model as transformers finds it from any folder: an absolute path, or a hub id and the commit in use."""
    _, commit = _folder(table)
    return table.model_copy(update={"revision": commit}) if commit else on_disk(table)


def fetch(table: ModelTable) -> None:
    """Download the checkpoint, unless it is on this machine. Raises ``ModelError`` if that is not possible."""
    _folder(table)


def revision(table: ModelTable) -> str:
    """What that name stands for now: the hub's commit, or twelve hex digits of the files of a local checkpoint."""
    folder, commit = _folder(table)
    return commit or digest_of_files(folder, _read_files(folder))


def own_settings(table: ModelTable, evaluation: Evaluation, first: int | None = None) -> Generation:
    """Which generation settings of that checkpoint are used and which are dropped; ``first`` is its family's."""
    with _explained(table):
        return generation.of(_folder(table)[0], evaluation, first)


def _on(device: torch.device, model: Model, table: ModelTable) -> Model:
    """The model on its device; quantised weights were loaded there."""
    return model.to(device) if table.quantization is None else model


def _fused(model: Model) -> Model:
    """The model with the same functions computed faster: T5's GELU as one operation instead of eight, and dropout."""
    cpu_kernels.install(model)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, torch.nn.GELU(approximate="tanh"))
            elif type(child) is torch.nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
    return model


def _folder(table: ModelTable) -> tuple[Path, str | None]:
    """The checkpoint's folder, and its commit if it comes from the hub."""
    if table.name == suite.EMBEDDED:
        return EMBEDDED, None
    try:
        if path := hub.local(table.name):
            return _readable(path, table), None
        folder = hub.fetch("model", table.name, table.revision, CHECKPOINT_FILES)
    except hub.Unavailable as error:
        raise ModelError(f"model {table.name!r}: {error}") from error
    return folder, folder.name


def _readable(path: Path, table: ModelTable) -> Path:
    """The folder of a local checkpoint, made from a GGUF file if it is one."""
    if path.is_dir():
        return path
    if path.suffix.lower() != gguf.SUFFIX:
        raise ModelError(f"model {table.name!r}: a file; choose the folder that it is in, or a GGUF file")
    return gguf.checkpoint(path, table)


def _config(folder: Path, table: ModelTable) -> PretrainedConfig:
    """The configuration of the checkpoint in a folder."""
    with _explained(table):
        config: PretrainedConfig = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
        return config


def _read_files(folder: Path) -> list[Path]:
    """The files of a checkpoint that loading reads: as downloaded from the hub, but only the weight files in use."""
    weights = integrity.weight_files(folder)
    found = {path for pattern in (*CHECKPOINT_FILES, TEMPLATE_FILES) for path in folder.glob(pattern)}
    return sorted([*(path for path in found if path.suffix != WEIGHTS_SUFFIX), *weights])


def _tokenizer(folder: Path, table: ModelTable) -> PreTrainedTokenizerBase:
    """The tokenizer of the checkpoint in a folder, which pads and truncates on the right."""
    files = sorted(path.name for pattern in VOCABULARY_FILES for path in folder.glob(pattern))
    made = f"the tokenizer that transformers makes from {', '.join(files) or 'no vocabulary'}"
    with _explained(table):
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                str(folder), trust_remote_code=False, padding_side="right", truncation_side="right"
            )
            _choose_language(tokenizer)
            around = tokenizer("")["input_ids"]
        except Exception as error:  # tokenizer libraries raise anything
            raise OSError(f"{made} does not work: {error}") from error
        _has_files(type(tokenizer), folder)
        named = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.cls_token, tokenizer.sep_token)
        if tokenizer.unk_token_id in around and tokenizer.unk_token not in named:  # one token is all of OPT's
            raise OSError(f"{made} does not know the special tokens that it adds to a text; add {TOKENIZER_FILE}")
    _can_pad(tokenizer, table)
    return tokenizer


def _choose_language(tokenizer: PreTrainedTokenizerBase) -> None:
    """Let a tokenizer that writes nothing unless it is told a language, as M2M100's, write the one that it reads."""
    try:
        tokenizer(text_target="")
    except KeyError:
        if getattr(tokenizer, "tgt_lang", "") is not None:
            raise
        tokenizer.tgt_lang = tokenizer.src_lang


def _has_files(cls: type[PreTrainedTokenizerBase], folder: Path) -> None:
    """Raise ``OSError`` for missing vocabulary files, for which transformers would silently make up a vocabulary."""
    files = [file for file in cls.vocab_files_names.values() if file not in OPTIONAL_FILES]
    parts = [file for file in files if file != TOKENIZER_FILE]
    whole = TOKENIZER_FILE in files and (folder / TOKENIZER_FILE).exists()
    if files and not whole and not (parts and all((folder / part).exists() for part in parts)):
        choices = [TOKENIZER_FILE] * (TOKENIZER_FILE in files) + [" with ".join(parts)] * bool(parts)
        raise OSError(f"no tokenizer; {cls.__name__} needs {' or '.join(choices)}")


def _can_pad(tokenizer: PreTrainedTokenizerBase, table: ModelTable) -> None:
    """Pad with the end token if there is no pad token; neither attention nor loss sees padding."""
    if tokenizer.pad_token_id is not None:
        return
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"model {table.name!r}: its tokenizer has neither a pad token nor an end token to use as one; set "
            '"pad_token" in its tokenizer_config.json'
        )
    tokenizer.pad_token = tokenizer.eos_token


@contextmanager
def _explained(table: ModelTable) -> Iterator[None]:
    try:
        yield
    except (TuneoffError, MemoryError):
        raise
    except Exception as error:  # a configuration with odd values makes a model's code raise anything
        needs = "config.json, model.safetensors and a tokenizer"
        plain = isinstance(error, OSError | ValueError | RuntimeError | SafetensorError)
        reason = " ".join(f"{'' if plain else f'{type(error).__name__}: '}{error}".split())[:300]
        raise ModelError(f"model {table.name!r}: not a usable checkpoint, which needs {needs}: {reason}") from error
