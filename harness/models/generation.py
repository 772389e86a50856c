"""How answers are generated: as the suite says, and with the checkpoint's own settings if the suite selects them."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.utils import GENERATION_CONFIG_NAME

from ..spec.errors import ModelError
from ..spec.record import Generation
from ..spec.suite import CHECKPOINT, Evaluation
from .family import Family

CONFIG_NAME = "config.json"
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
FIRST_TOKEN = "forced_bos_token_id"  # that an answer must begin with
# These affect no answer, or always come from the checkpoint.
IGNORED_SETTINGS = {"transformers_version", "use_cache", *TOKEN_IDS}
KNOWN_SETTINGS = {name for name in vars(GenerationConfig()) if name[0] != "_"} - IGNORED_SETTINGS
# These select what is returned besides the answers.
OUTPUT_SETTINGS = {"return_dict_in_generate", *GenerationConfig.extra_output_flags}
# These values change nothing, so they count as neither used nor dropped.
NEUTRAL_VALUES = {**GenerationConfig._get_default_generation_params(), **dict.fromkeys(OUTPUT_SETTINGS, False)}
SUITE_SETTINGS = {"max_length", "max_new_tokens", "num_beams"}  # set by [evaluation]
SAMPLING_SETTINGS = {"temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff"}
BEAM_SETTINGS = {"early_stopping", "length_penalty"}  # without effect with one beam
REFUSED_SETTINGS = {
    "do_sample": "the same prompts must give the same answers",
    "num_return_sequences": "only one answer per prompt is scored",
    "max_time": "answers must not depend on the machine",
}
# With a decoder-only model, these see what is before an answer, which differs between batches and between methods.
BEFORE = "the prompt as well, where there may be padding, and which methods that learn a prompt hide from it"
LOOK_BEFORE = (
    *("repetition_penalty", "no_repeat_ngram_size", "encoder_repetition_penalty", "encoder_no_repeat_ngram_size"),
    *("bad_words_ids", "sequence_bias", "guidance_scale", "watermarking_config"),
)
COUNT_BEFORE = ("min_length", FIRST_TOKEN)
REFUSED_BEFORE_ANSWERS = {
    **dict.fromkeys(LOOK_BEFORE, f"it looks at {BEFORE}"),
    **dict.fromkeys(COUNT_BEFORE, f"it counts {BEFORE}"),
}


def settle(model: PreTrainedModel, folder: Path, family: Family, evaluation: Evaluation, name: str) -> None:
    """Make a model that was loaded from ``folder`` generate as the suite says, and train with the same token ids.

    Raises ``ModelError`` for settings of the checkpoint that the suite selects but that cannot be used.
    """
    ids = _token_ids(folder, model.config, family, name)
    for key in ("pad_token_id", "decoder_start_token_id"):
        if getattr(model.config, key, None) is None and ids[key] is not None:
            setattr(model.config, key, ids[key])
    settings = of(folder, evaluation, family.first)
    _usable(settings, name, apart=model.config.is_encoder_decoder)
    apply(model, _config(ids, settings, evaluation, name))


def of(folder: Path, evaluation: Evaluation, first: int | None = None) -> Generation:
    """Which settings of the checkpoint in ``folder`` are used and which are dropped, except token ids.

    ``first`` is the token that every answer begins with, unless the settings that are used name another.
    """
    found = _settings(folder)
    without = set(found)
    if evaluation.generation == CHECKPOINT:
        without = SUITE_SETTINGS | OUTPUT_SETTINGS | (set() if found.get("do_sample") else SAMPLING_SETTINGS)
        without |= BEAM_SETTINGS if evaluation.num_beams == 1 else set()
    used: dict[str, Any] = {FIRST_TOKEN: first} if first is not None else {}
    used |= {name: value for name, value in found.items() if name not in without}
    dropped = {name: value for name, value in found.items() if name in without and value != used.get(name)}
    return Generation(used=used, dropped=dropped)


def apply(model: torch.nn.Module, settings: GenerationConfig) -> None:
    """Make the model generate with these settings, whatever it is wrapped in."""
    for module in model.modules():
        if isinstance(module, GenerationMixin):
            module.generation_config = deepcopy(settings)


def refusal(model: str, reason: str) -> str:
    """The message about a checkpoint's generation settings that cannot be used."""
    return (
        f'model {model!r}: its generation settings, selected by evaluation.generation = "{CHECKPOINT}", cannot be '
        f'used: {reason}; correct its {GENERATION_CONFIG_NAME}, or set evaluation.generation = "suite"'
    )


def clean(config: PretrainedConfig) -> PretrainedConfig:
    """A model's configuration without generation settings, which transformers would otherwise give to the new model.

    Outputs that neither training nor generation reads are turned off, too.
    """
    for name in KNOWN_SETTINGS - OUTPUT_SETTINGS - set(type(config).__dataclass_fields__):
        vars(config).pop(name, None)
    config.return_dict, config.output_hidden_states, config.output_attentions = True, False, False
    return config


def remark(settings: Generation) -> str | None:
    """A notice about a checkpoint's generation settings, if it has any."""
    used, dropped = (
        ", ".join(f"{name} = {_shown(value)}" for name, value in each.items())
        for each in (settings.used, settings.dropped)
    )
    if used:
        return f"generation: with the checkpoint's own {used}{'; without its ' * bool(dropped)}{dropped}"
    if dropped:
        return f"generation: as [evaluation] says, without the checkpoint's own {dropped}"
    return None


def _usable(settings: Generation, name: str, *, apart: bool) -> None:
    """Raise ``ModelError`` for a setting that cannot be used; ``apart``: answers do not follow their prompts."""
    refused = REFUSED_SETTINGS if apart else {**REFUSED_SETTINGS, **REFUSED_BEFORE_ANSWERS}
    for key, reason in refused.items():
        if settings.used.get(key):
            raise ModelError(refusal(name, f"{key} = {_shown(settings.used[key])}: {reason}"))


def _config(ids: Mapping[str, Any], settings: Generation, evaluation: Evaluation, name: str) -> GenerationConfig:
    suites = {"max_new_tokens": evaluation.max_new_tokens, "num_beams": evaluation.num_beams, "do_sample": False}
    try:
        config = GenerationConfig(**{**settings.used, **ids, **suites})
        config.validate(strict=True)  # as save_pretrained() does, after training
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(refusal(name, " ".join(str(error).split())[:300])) from error
    return config


def _token_ids(folder: Path, config: PretrainedConfig, family: Family, name: str) -> dict[str, int | list[int] | None]:
    """The token ids from a checkpoint's generation settings, or else its configuration, or else its tokenizer.

    Answers also end with the token that the family puts at the end of a target.
    """
    stored, tokenizer = _read(folder / GENERATION_CONFIG_NAME), family.tokenizer
    ids: dict[str, int | list[int] | None] = {}
    for key in TOKEN_IDS:
        choices = (stored.get(key), getattr(config, key, None), getattr(tokenizer, key, None))
        ids[key] = next((each for each in choices if each is not None), None)
    if config.is_encoder_decoder and ids["decoder_start_token_id"] is None:
        ids["decoder_start_token_id"] = ids["bos_token_id"]  # as in transformers' generate()
    if config.is_encoder_decoder and ids["decoder_start_token_id"] is None:
        raise ModelError(
            f"model {name!r}: it has no decoder_start_token_id, the token that its answers begin with; add it to its "
            f"{CONFIG_NAME} (T5 begins with its pad token, BART with its end token)"
        )
    if family.end is not None:
        ids["eos_token_id"] = _ends(ids["eos_token_id"], family.end)
    if ids["pad_token_id"] not in tokenizer.all_special_ids:  # it would be read as part of an answer
        ids["pad_token_id"] = tokenizer.pad_token_id
    return ids


def _ends(own: int | list[int] | None, trained: int) -> int | list[int]:
    """The end tokens of a checkpoint, and the one that it is trained with."""
    all_ends = dict.fromkeys([*(own if isinstance(own, list) else [own]), trained])
    ends = [each for each in all_ends if each is not None]
    return ends[0] if len(ends) == 1 else ends


def _shown(value: object) -> str:
    """A setting's value, if it is short."""
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _settings(folder: Path) -> dict[str, Any]:
    """The settings that transformers would use: those in their own file or, without one, among the model's own."""
    path = folder / GENERATION_CONFIG_NAME
    found = _read(path) if path.exists() else _old_style(_read(folder / CONFIG_NAME))
    return {
        name: value
        for name, value in sorted(found.items())
        if name not in IGNORED_SETTINGS and name[0] != "_" and value is not None and value != NEUTRAL_VALUES.get(name)
    }


def _old_style(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The generation settings in a model's configuration, or in that of its decoder if it has two parts."""
    inner: Mapping[str, Any] = next(
        (stored[part] for part in ("decoder", "generator", "text_config") if stored.get(part)), {}
    )
    both = {**inner, **{name: value for name, value in stored.items() if value is not None}}
    if both.get("force_bos_token_to_be_generated"):
        both.setdefault("forced_bos_token_id", both.get("bos_token_id"))
    return {name: both[name] for name in KNOWN_SETTINGS if name in both}


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} does not contain a JSON object")
    return found
