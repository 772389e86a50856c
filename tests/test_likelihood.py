"""A target is as likely in a batch as alone, for every family and method, and only its own logits are computed."""

import pytest
import torch

from harness.method import Unsupported
from harness.models.seq2seq import Seq2SeqFamily
from harness.training import likelihood
from harness.training.likelihood import likelihoods
from support import causal, contracts, toy
from support import likelihoods as plain
from support.zoo import CLASSES

T5 = Seq2SeqFamily(toy.tokenizer())
PROMPTS = [*toy.prompts()[:3], "Why?", "Why? "]
TARGETS = ["They want a red bicycle.", "Bread.", "Nothing, as it seems to me, and that twice a day.", "Ann.", "No."]
KINDS = ["t5", *causal.KINDS]
CAUSAL_METHODS = ["adaption_prompt", "cartridge", "cpt", "lora", "multitask_prompt_tuning", "p_tuning"]
CAUSAL_METHODS += ["prefix_tuning", "prompt_tuning", "shadow"]
T5_METHODS = ["cartridge", "lora", "multitask_prompt_tuning", "p_tuning", "prefix_tuning", "prompt_tuning"]
EACH = pytest.mark.parametrize(
    ("kind", "method"),
    [(kind, name) for kind in ("llama", "gpt2") for name in CAUSAL_METHODS] + [("t5", name) for name in T5_METHODS],
)


def asked(kind):
    """A model of that kind, with its family."""
    return (toy.copy_of_base(), T5) if kind == "t5" else (causal.model(kind), causal.family())


def changed(kind, name):
    """What a method built on such a model, changed, and its family."""
    if kind == "t5":
        return contracts.shaken(CLASSES[name], 0.5).model, T5
    return causal.built(causal.small(name), kind, 0.5)[1], causal.family()


def expected(model, family, prompts=PROMPTS, targets=TARGETS):
    return [plain.alone(model, family, prompt, target) for prompt, target in zip(prompts, targets, strict=True)]


def same(found, expected):
    """Whether likelihoods are the expected log-probabilities and numbers of tokens."""
    assert len({round(total, 2) for total, _ in expected}) == len(expected), "targets that are as likely show nothing"
    return [each.tokens for each in found] == [tokens for _, tokens in expected] and [
        -each.nats for each in found
    ] == pytest.approx([total for total, _ in expected], abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_targets_have_the_likelihoods_that_they_have_alone(kind):
    model, family = asked(kind)
    assert same(likelihoods(model, family, PROMPTS, TARGETS), expected(model, family))


@EACH
def test_so_they_have_behind_what_a_method_puts_in_front(kind, method):
    model, family = changed(kind, method)
    found = likelihoods(model, family, PROMPTS, TARGETS)
    assert same(found, expected(model, family))
    assert not same(likelihoods(*asked(kind), PROMPTS, TARGETS), expected(model, family))


@pytest.mark.parametrize("kind", ["t5", "llama", "gpt2"])
def test_small_batches_and_rows_alone_change_nothing(kind, monkeypatch):
    model, family = asked(kind)
    sizes = []
    model.register_forward_pre_hook(lambda _, __, given: sizes.append(len(given["input_ids"])), with_kwargs=True)
    whole = likelihoods(model, family, PROMPTS, TARGETS)
    assert max(sizes) == len(PROMPTS)
    sizes.clear()
    alone = likelihoods(model, family, PROMPTS, TARGETS, together=False)
    assert set(sizes) == {1}
    sizes.clear()
    monkeypatch.setattr(likelihood, "MAX_BATCH_TOKENS", 120)
    small = likelihoods(model, family, PROMPTS, TARGETS)
    assert 1 <= max(sizes) < len(PROMPTS)
    for found in (alone, small):
        assert [each.nats for each in found] == pytest.approx([each.nats for each in whole], abs=1e-4)


def test_few_logits_at_once_are_in_small_batches_as_well(monkeypatch):
    model, family = asked("llama")
    shapes = []
    model.lm_head.register_forward_hook(lambda _, __, logits: shapes.append(logits.shape[1]))
    tokens = [each.tokens for each in likelihoods(model, family, PROMPTS, TARGETS)]
    assert shapes == [sum(tokens)], "the output layer must see the places of the targets, and no others"
    shapes.clear()
    monkeypatch.setattr(likelihood, "MAX_LOGITS", 2 * max(tokens) * len(family.tokenizer))
    likelihoods(model, family, PROMPTS, TARGETS)
    assert (len(shapes), sum(shapes)) == (3, sum(tokens))


def test_a_model_whose_output_layer_is_no_module_computes_all_logits():
    model, family = asked("gpt2")
    model.get_output_embeddings = lambda: None
    assert same(likelihoods(model, family, PROMPTS, TARGETS), expected(model, family))


def test_parts_of_the_logits_are_normalised_by_their_own_rows(monkeypatch):
    logits, tokens = torch.randn(7, 11, generator=torch.Generator().manual_seed(0)), torch.arange(7)
    monkeypatch.setattr(likelihood, "NORMALISED_LOGITS", 22)
    found = likelihood.log_probabilities(logits, torch.arange(7), tokens)
    assert torch.allclose(found, logits.log_softmax(-1)[torch.arange(7), tokens].double(), atol=1e-6)


def test_a_model_in_training_mode_is_asked_without_dropout_and_without_gradients():
    model, family = asked("gpt2")
    model.train()
    assert same(likelihoods(model, family, PROMPTS, TARGETS), expected(model, family))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_target_for_which_there_are_no_positions_is_refused():
    model, family = asked("llama")
    with pytest.raises(Unsupported, match=r"^the base model's decoder has 512 positions, but the longest prompt with"):
        likelihoods(model, family, ["Why?"], ["No. " * 600])


def test_no_prompts_have_no_likelihoods():
    assert likelihoods(*asked("llama"), [], []) == []
