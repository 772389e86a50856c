"""The random checkpoints of the benchmarks: of the family that is asked for, and of the size that is documented."""

import pytest
import torch

from benchmarks import random_checkpoints
from benchmarks.random_checkpoints import END, SHAPES
from harness.models import families
from harness.spec.suite import ModelTable

both = pytest.mark.parametrize("family", SHAPES)
SIZES = {"seq2seq": 76_961_152, "causal": 31_221_120}  # as in docs/performance.md


def model(family):
    with torch.device("meta"):  # without values
        return SHAPES[family].model()


@both
def test_a_model_is_of_its_family(family):
    assert families.of(ModelTable(), model(family).config).name == family


@both
def test_a_model_has_the_documented_size(family):
    assert sum(parameter.numel() for parameter in model(family).parameters()) == SIZES[family]


def test_only_an_encoder_decoder_models_tokenizer_ends_every_text(rows):
    texts = [row["dialogue"] for row in rows]
    made = {family: random_checkpoints.tokenizer(family, texts) for family in SHAPES}
    ends = {family: END in made[family].convert_ids_to_tokens(made[family](texts[0])["input_ids"]) for family in made}
    assert ends == {"seq2seq": True, "causal": False}
