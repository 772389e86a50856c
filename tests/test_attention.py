"""Attention with dropped weights is what transformers' sdpa is; without dropout it is sdpa itself."""

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from harness.models import cpu_kernels
from harness.models.cpu_kernels import attend

RARELY = 1 / 65_536  # what the mask can resolve: of a few weights none is dropped
MODULE = torch.nn.Module()
CAUSAL = torch.ones(5, 5, dtype=torch.bool).tril()[None, None]
PADDED = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], dtype=torch.bool)[:, None, None]


def inputs(**changes):
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 5, 4, generator=generator) for _ in range(3))
    bias = torch.randn(1, 3, 5, 5, generator=generator)
    return {"query": query, "key": key, "value": value, "position_bias": bias, "scaling": 1.0} | changes


@pytest.mark.parametrize("mask", [CAUSAL, PADDED, PADDED * CAUSAL, torch.where(PADDED, 0.0, -1e9)])
@pytest.mark.parametrize("changes", [{}, {"position_bias": None}, {"scaling": None}])
def test_it_computes_what_sdpa_does(mask, changes):
    torch.manual_seed(0)
    given = inputs(attention_mask=mask, **changes)
    ours, _ = attend(MODULE, dropout=RARELY, **given)
    theirs, _ = sdpa_attention_forward(MODULE, **given)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_where_there_is_nothing_to_draw_it_is_sdpa(dropout):
    given = inputs(attention_mask=CAUSAL, dropout=dropout)
    assert torch.equal(attend(MODULE, **given)[0], sdpa_attention_forward(MODULE, **given)[0])


def test_without_a_mask_it_is_sdpa():
    torch.manual_seed(0)
    ours, _ = attend(MODULE, attention_mask=None, dropout=0.5, is_causal=False, **inputs())
    torch.manual_seed(0)
    theirs, _ = sdpa_attention_forward(MODULE, attention_mask=None, dropout=0.5, is_causal=False, **inputs())
    assert torch.equal(ours, theirs)


def test_it_drops_weights_and_keeps_their_mean():
    torch.manual_seed(0)
    ones = torch.ones(8, 4, 100, 16)
    output, _ = attend(MODULE, ones, ones, ones, torch.ones(8, 1, 1, 100, dtype=torch.bool), dropout=0.1)
    assert output.mean().item() == pytest.approx(1, abs=0.01)
    assert output.std().item() == pytest.approx((0.1 / 0.9 / 100) ** 0.5, rel=0.1)


def test_the_gradient_reaches_the_position_bias():
    bias = torch.zeros(1, 3, 5, 5, requires_grad=True)
    output, _ = attend(MODULE, attention_mask=CAUSAL, dropout=0.1, **inputs(position_bias=bias))
    output.pow(2).sum().backward()
    assert bias.grad.abs().max() > 0


def test_a_base_model_attends_by_it_and_loses_nothing(base):
    assert base.model.config._attn_implementation == cpu_kernels.ATTENTION_NAME
    batch = {"input_ids": torch.tensor([[5, 6, 7, 1], [8, 1, 0, 0]]), "labels": torch.tensor([[9, 4, 1], [3, 1, -100]])}
    batch["attention_mask"] = (batch["input_ids"] != 0).long()
    ours = base.model.eval()(**batch).loss
    base.model.set_attn_implementation("eager")
    torch.testing.assert_close(ours, base.model(**batch).loss)
