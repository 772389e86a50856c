"""Models of known shapes with random weights, to count, to probe and to time with."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

FLAN_T5_SMALL = {"vocab_size": 32_128, "d_model": 512, "d_kv": 64, "d_ff": 1024, "num_heads": 6, "num_layers": 8}
SMOLLM2_135M = {
    "vocab_size": 49_152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
}


def t5(**shape: int) -> T5ForConditionalGeneration:
    """A new model of FLAN-T5's kind: gated GELU, and an output layer of its own.

    Within ``torch.device("meta")`` it has no values and takes no memory.
    """
    config = T5Config(
        **shape, feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0, pad_token_id=0
    )
    model = T5ForConditionalGeneration(config)
    # transformers 5 ties every new T5, whatever its configuration says
    model.lm_head.weight = torch.nn.Parameter(torch.randn(config.vocab_size, config.d_model) * config.d_model**-0.5)
    return model


def llama(**shape: int) -> LlamaForCausalLM:
    """A new model of Llama's kind, with an output layer of its own; its pad and end tokens are those of ``t5``."""
    return LlamaForCausalLM(
        LlamaConfig(**shape, tie_word_embeddings=False, pad_token_id=0, bos_token_id=None, eos_token_id=1)
    )
