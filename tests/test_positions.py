"""How many tokens a model has positions for, wherever it keeps them."""

import pytest
from transformers import (
    BertConfig,
    BertLMHeadModel,
    CodeGenConfig,
    CodeGenForCausalLM,
    CTRLConfig,
    CTRLLMHeadModel,
    GPTJConfig,
    GPTJForCausalLM,
)

from harness.models import positions
from harness.models.causal import CausalFamily

SIZES = {"vocab_size": 64, "n_embd": 32, "n_layer": 1, "n_head": 4, "n_positions": 64}
IDS = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
BERT = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 32}
KINDS = [
    (GPTJForCausalLM, GPTJConfig(**SIZES, **IDS, rotary_dim=4)),
    (CodeGenForCausalLM, CodeGenConfig(**SIZES, **IDS, rotary_dim=4)),
    (CTRLLMHeadModel, CTRLConfig(**SIZES, **IDS, dff=32)),
    (BertLMHeadModel, BertConfig(**BERT, is_decoder=True, max_position_embeddings=64)),  # has their numbers as well
]


@pytest.mark.parametrize(("cls", "config"), KINDS, ids=lambda value: getattr(value, "model_type", None))
def test_sinusoids_that_are_no_module_are_positions_as_well(cls, config, tokenizer):
    family, model = CausalFamily(tokenizer), cls(config)
    assert positions.shortage(family, model, (40, 24)) is None
    assert str(positions.shortage(family, model, (40, 25))) == (
        "decoder has 64 positions, but the longest prompt with its answer may take 65 tokens"
    )
