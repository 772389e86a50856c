"""What PEFT cannot do with packed weights is found where it is built; bitsandbytes itself is in ``test_precision``."""

import pytest
import torch
from peft.tuners.lora.corda import collect_eigens_for_layer
from torch.nn import Linear, Parameter

from harness.models import quantised
from harness.spec.errors import Unsupported
from support import causal, contracts
from support.zoo import CLASSES

PLAIN = r"^it needs weights that are not quantised \(model\.quantization\): "


class Params4bit(Parameter):
    """A weight whose type has the name of bitsandbytes' own."""


class Linear4bit(Linear):
    """A projection whose weight is packed, two elements in a byte."""

    def __init__(self, like):
        super().__init__(like.in_features, like.out_features, bias=False)
        packed = torch.zeros(like.weight.numel() // 2, 1, dtype=torch.uint8)
        self.weight = Params4bit(packed, requires_grad=False)


@pytest.fixture
def packed():
    """A Llama whose attention is packed; it cannot answer without bitsandbytes, but PEFT can look at it."""
    model = causal.model("llama").requires_grad_(False)
    for block in model.model.layers:
        block.self_attn.q_proj, block.self_attn.v_proj = (
            Linear4bit(each) for each in (block.self_attn.q_proj, block.self_attn.v_proj)
        )
    return model


def method(name):
    return contracts.instance(CLASSES[name], family=causal.family())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pissa", "TypeError: Please initialize PiSSA under float32"),
        ("psoft", "TypeError: PSOFT init requires float32"),
        ("delora", "RuntimeError: "),
        ("osf", "(Value|Runtime)Error: "),
    ],
)
def test_a_method_that_needs_plain_weights_is_unsupported_where_they_are_packed(name, reason, packed):
    with pytest.raises(Unsupported, match=f"{PLAIN}{reason}"), quantised.refusals(packed):
        method(name).build(packed)


def test_so_is_one_that_looks_at_them_before_it_is_built(packed):
    layer = packed.model.layers[0].self_attn.q_proj
    layer.covariance_matrix = torch.eye(layer.in_features)
    with pytest.raises(Unsupported, match=PLAIN), quantised.refusals(packed):
        collect_eigens_for_layer(layer, None)


def test_an_error_of_the_methods_own_stays_what_it_is(packed):
    with pytest.raises(TypeError, match=r"^it has no such key$"), quantised.refusals(packed):
        raise TypeError("it has no such key")
    with pytest.raises(Unsupported, match=r"^it is not for this$"), quantised.refusals(packed):
        raise Unsupported("it is not for this")


def test_an_error_of_pefts_on_plain_weights_stays_as_well():
    base = causal.model("llama")
    wrong = contracts.having(CLASSES["lora"], rank=0)
    with pytest.raises(ValueError, match="positive integer"), quantised.refusals(base):
        contracts.instance(wrong, family=causal.family()).build(base)


@pytest.mark.parametrize("name", ["c3a", "unilora", "supertuning"])
def test_a_layer_of_pefts_that_is_not_made_for_packed_weights_is_unsupported(name, packed):
    model = method(name).build(packed)
    with pytest.raises(Unsupported, match=r"^PEFT has no such adapter for Linear4bit layers \(model\.quantization\)$"):
        quantised.check(model)


@pytest.mark.parametrize("name", ["prompt_tuning", "ln_tuning"])
def test_what_leaves_packed_weights_alone_is_not_refused(name, packed):
    quantised.check(method(name).build(packed))
