"""Tiny random models of the architectures that people have, made from configurations: two blocks for each stack."""

from collections.abc import Mapping
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    EncoderDecoderConfig,
    PretrainedConfig,
    PreTrainedModel,
)

SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
POSITIONS = {"max_position_embeddings": 256}
WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, **POSITIONS}
GROUPED = {**WIDE, "num_key_value_heads": 2}  # two queries for each key
GEMMA = {**GROUPED, "head_dim": 16}  # twice as much as the width has room for
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_heads": 4, "num_layers": 2}
BART = {
    **{f"{stack}_{what}": size for stack in ("encoder", "decoder") for what, size in (("layers", 2), ("ffn_dim", 48))},
    **{f"{stack}_attention_heads": 4 for stack in ("encoder", "decoder")},
    "d_model": 32,
    **POSITIONS,
}
SCALED = {**BART, "scale_embedding": True}
OPT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 48, "word_embed_proj_dim": 32}
FALCON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}

# By name: transformers' model type, and the sizes. ByT5 is a T5, NLLB an M2M100.
ENCODER_DECODER: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "t5": ("t5", T5),
    "flan-t5": ("t5", {**T5, "feed_forward_proj": "gated-gelu"}),
    "mt5": ("mt5", T5),
    "umt5": ("umt5", T5),
    "longt5": ("longt5", {**T5, "local_radius": 4}),
    "longt5-global": ("longt5", {**T5, "local_radius": 4, "encoder_attention_type": "transient-global"}),
    "bart": ("bart", BART),
    "mbart": ("mbart", SCALED),
    "m2m100": ("m2m_100", SCALED),
    "pegasus": ("pegasus", SCALED),
    "marian": ("marian", SCALED),
    "blenderbot": ("blenderbot", SCALED),
    "led": (
        "led",
        {**BART, "max_encoder_position_embeddings": 256, "max_decoder_position_embeddings": 256, "attention_window": 8},
    ),
    "prophetnet": (
        "prophetnet",
        {
            **{f"num_{stack}_{what}": 2 for stack in ("encoder", "decoder") for what in ("layers", "attention_heads")},
            **{f"{stack}_ffn_dim": 48 for stack in ("encoder", "decoder")},
            "hidden_size": 32,
            **POSITIONS,
        },
    ),
    "t5gemma": ("t5gemma", {"encoder": GEMMA, "decoder": {**GEMMA, "cross_attention_hidden_size": 32}}),
    "bert2bert": ("encoder-decoder", {"encoder": ("bert", WIDE), "decoder": ("bert", WIDE)}),
    "bert2gpt2": ("encoder-decoder", {"encoder": ("bert", WIDE), "decoder": ("gpt2", GPT2)}),
}
DECODER_ONLY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "gpt2": ("gpt2", GPT2),
    "gpt-neo": (
        "gpt_neo",
        {
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            **POSITIONS,
        },
    ),
    "gpt-neox": ("gpt_neox", WIDE),
    "opt": ("opt", {**OPT, **POSITIONS}),
    "opt-350m": ("opt", {**OPT, "word_embed_proj_dim": 16, "do_layer_norm_before": False, **POSITIONS}),
    "bloom": ("bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "llama": ("llama", GROUPED),
    "mistral": ("mistral", GROUPED),
    "mixtral": ("mixtral", {**GROUPED, "num_local_experts": 2}),
    "qwen2": ("qwen2", GROUPED),
    "qwen3": ("qwen3", {**GROUPED, "head_dim": 16}),
    "gemma": ("gemma", GEMMA),
    "gemma2": ("gemma2", GEMMA),
    "phi": ("phi", {**WIDE, "qk_layernorm": True}),
    "phi3": ("phi3", GROUPED),
    "granite": ("granite", GROUPED),
    "olmo": ("olmo", GROUPED),
    "olmo2": ("olmo2", GROUPED),
    "falcon": ("falcon", FALCON),
    "falcon-40b": ("falcon", {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}),
    "stablelm": ("stablelm", {**GROUPED, "qk_layernorm": True}),
}
ALL = {**ENCODER_DECODER, **DECODER_ONLY}


def tiny(name: str, vocab_size: int = 64) -> PreTrainedModel:
    """A new model of that name, which answers without dropout; always with the same random weights."""
    auto = AutoModelForSeq2SeqLM if name in ENCODER_DECODER else AutoModelForCausalLM
    shared = {"vocab_size": vocab_size, **SPECIAL}
    if name in ENCODER_DECODER:
        shared["decoder_start_token_id"] = 1
    model_type, sizes = ALL[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: PreTrainedModel = auto.from_config(_config(model_type, sizes, shared))
    return model.eval()


def _config(model_type: str, sizes: Mapping[str, Any], shared: Mapping[str, int]) -> PretrainedConfig:
    if model_type == "encoder-decoder":
        stacks = [_config(kind, own, shared) for kind, own in (sizes["encoder"], sizes["decoder"])]
        return EncoderDecoderConfig.from_encoder_decoder_configs(*stacks, **shared)
    nested = {stack: {**sizes[stack], **shared} for stack in ("encoder", "decoder") if stack in sizes}
    return AutoConfig.for_model(model_type, **{**sizes, **nested, **shared})
