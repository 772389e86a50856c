"""Labels must differ for the model's tokenizer and have tokens that training does not cut."""

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from harness.models import label_tokens
from harness.models.causal import CausalFamily
from harness.models.seq2seq import Seq2SeqFamily
from harness.spec.errors import SuiteError
from support import causal, toy

T5 = Seq2SeqFamily(toy.tokenizer())


@pytest.mark.parametrize("family", [T5, causal.family()], ids=["seq2seq", "causal"])
def test_labels_are_tokenised_as_targets_are(family):
    asked = ["Which one? ", "Which one?"]
    found = label_tokens.by_space(["a card", "cash"], family, asked)
    assert found.keys() == {family.trailing_space(prompt) for prompt in asked}
    for space, tokens in found.items():
        assert tokens == family.target_ids([f"{space}a card", f"{space}cash"], 99)[0]


@pytest.fixture
def coarse():
    """A family whose tokenizer knows two words, and no capital letters."""
    vocabulary = {"<pad>": 0, "</s>": 1, "<unk>": 2, "yes": 3, "no": 4}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.normalizer, made.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return CausalFamily(PreTrainedTokenizerFast(tokenizer_object=made, **special))


@pytest.mark.parametrize(
    ("given", "same"),
    [(["yes", "no", "Yes"], "'yes' and 'Yes'"), (["maybe", "yes", "perhaps", "hardly"], "'maybe' and 'perhaps' and")],
)
def test_labels_with_the_same_tokens_are_refused_with_their_names(given, same, coarse):
    with pytest.raises(SuiteError, match=rf"^task\.labels: {same}.* have the same tokens for this model's tokenizer"):
        label_tokens.by_space(given, coarse, ["Well?"])


@pytest.mark.parametrize("label", ["", "  "])
def test_a_label_without_tokens_is_refused(label, coarse):
    with pytest.raises(SuiteError, match=rf"^task\.labels: '{label}' has no tokens for this model's tokenizer; leave"):
        label_tokens.by_space(["yes", label], coarse, ["Well?"])


def test_a_label_that_training_would_cut_is_refused_with_what_it_needs():
    family = Seq2SeqFamily(ByT5Tokenizer())
    label_tokens.check(["yes", "no"], family, ["Well?"], 4)
    with pytest.raises(SuiteError, match=r"^task\.max_target_tokens: 3 is too few for the label 'yes', .* at least 4$"):
        label_tokens.check(["yes", "no"], family, ["Well?"], 3)
