"""The arithmetic of a training step is what torch counts, without padding and without masked attention."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import arithmetic
from harness.catalogue.architectures import tiny

TOKENS, LAYERS = 12, 2
WIDTHS = {"gpt2": 32, "llama": 32, "qwen3": 64}  # of all heads together


def batch(padding=0):
    """One row, with this much padding."""
    ids = torch.full((1, TOKENS + padding), 5)
    mask = (torch.arange(TOKENS + padding) < TOKENS).long()[None]
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.where(mask.bool(), -100)}


@pytest.mark.parametrize("name", WIDTHS)
def test_a_decoder_only_model_computes_what_torch_counts_less_what_attention_masks(name):
    model = tiny(name)
    model.set_attn_implementation("eager")  # its products are counted one by one
    with FlopCounterMode(display=False) as counter:
        model(**batch()).loss.backward()
    masked = 6 * 2 * WIDTHS[name] * LAYERS * TOKENS * (TOKENS - 1) / 2
    assert arithmetic.decoder_only(batch(), model) == pytest.approx(counter.get_total_flops() - masked, rel=1e-3)


def test_an_encoder_decoder_model_computes_what_torch_counts():
    model = tiny("flan-t5")
    model.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        model(**batch()).loss.backward()
    assert arithmetic.encoder_decoder(batch(), model) == pytest.approx(counter.get_total_flops(), rel=1e-3)


@pytest.mark.parametrize(("name", "family"), [("llama", "causal"), ("flan-t5", "seq2seq")])
def test_padding_adds_nothing(name, family):
    step = arithmetic.STEP[family]
    assert step(batch(padding=8), tiny(name)) == step(batch(), tiny(name))
