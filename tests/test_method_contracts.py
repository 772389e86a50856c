"""What holds for every method: its numbers matter, it reaches what it says, it trains what it may, and nothing else."""

import re
from functools import cache

import pytest
import torch

from harness.method import Bound, Method
from harness.run import weights
from support import contracts, toy
from support.zoo import CLASSES, TRAINED, trained

ASKED = [name for name, cls in CLASSES.items() if not issubclass(cls, Bound) and (name in TRAINED or not cls.trains)]
HYPERPARAMETERS = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name in ASKED
    for number in CLASSES[name].hyperparameters()
    if CLASSES[name].trains or number not in Method.hyperparameters()
]
PREPARED = [name for name in TRAINED if CLASSES[name].prepare is not Method.prepare]

# Read from the papers and docstrings, as ends of names of a T5's modules; all others adapt queries and values.
REACHED = {
    "beft": r"Attention\.v$",
    "bitfit": r"layer_norm$|relative_attention_bias$",
    "cartridge": r"$^",
    "cross_attention": r"EncDecAttention\.[qkvo]$",
    "decoder_only": r"^decoder\.(block\.|final_layer_norm$)",
    "full_finetune": r"",
    "ia3": r"\.(k|v|wo)$",
    "last_layers": r"^(encoder|decoder)\.(block\.1\.|final_layer_norm$)",
    "layerwise_decay": r"",
    "lm_head": r"^lm_head$",
    "ln_tuning": r"layer_norm$",
    "multitask_prompt_tuning": r"$^",
    "p_tuning": r"$^",
    "prefix_tuning": r"$^",
    "prompt_tuning": r"$^",
    "trainable_tokens": r"^encoder\.embed_tokens$",
}
QUERIES_AND_VALUES = r"Attention\.[qv]$"
STARTS_ELSEWHERE = {
    "cartridge",
    "kasa",  # leaves out the base's least directions
    "multitask_prompt_tuning",
    "p_tuning",
    "prefix_tuning",
    "prompt_tuning",
    "unilora",
    "vblora",
}
REWRITES_THE_BASE = {"corda", "kasa", "lora_ga", "olora", "pissa"}
REGULARISED = {"adalora", "kasa", "monteclora"}
DRAWS = {"lora", "monteclora", "poly", "pvera"}  # lora by its dropout
LIKE_LORA = [name for name in TRAINED if {"rank", "alpha"} <= CLASSES[name].hyperparameters().keys()]


@cache
def answers_of_equals(name):
    """What a method says after training with the rank, the scale, the rate and the seed that the others have."""
    values = {"rank": 4, "alpha": 8, "learning_rate": 1e-2, "dropout": 0.0}
    cls = CLASSES[name]
    cls = contracts.having(cls, **{key: value for key, value in values.items() if key in cls.hyperparameters()})
    return contracts.logits(contracts.trained(cls).model)


@pytest.mark.parametrize(("name", "number"), HYPERPARAMETERS)
def test_another_value_of_a_hyperparameter_makes_a_difference(name, number):
    assert contracts.makes_a_difference(CLASSES[name], number, trained(name))


@pytest.mark.parametrize("name", LIKE_LORA)
def test_at_the_same_rank_scale_rate_and_seed_no_other_method_trains_alike(name):
    own = answers_of_equals(name)
    assert [other for other in LIKE_LORA if other != name and contracts.close(answers_of_equals(other), own)] == []


@pytest.mark.parametrize("name", TRAINED)
def test_the_modules_that_training_reaches_are_those_that_the_method_names(name):
    named = {module for module in contracts.modules() if re.search(REACHED.get(name, QUERIES_AND_VALUES), module)}
    assert contracts.reached(CLASSES[name]) == named - {"shared"}  # which the stacks hold by names of their own


@pytest.mark.parametrize("name", TRAINED)
def test_before_training_it_answers_as_the_base_does_unless_it_starts_elsewhere(name):
    same = contracts.close(contracts.logits(contracts.built(CLASSES[name]).model), contracts.logits(toy.base()))
    assert same == (name not in STARTS_ELSEWHERE)


@pytest.mark.parametrize("name", TRAINED)
def test_the_weights_of_the_base_stay_as_they_were_unless_the_start_takes_a_part_of_them(name):
    own = contracts.base_weights(toy.base())
    inside = contracts.base_weights(contracts.built(CLASSES[name]).model)
    assert all(torch.equal(tensor, own[key]) for key, tensor in inside.items()) == (name not in REWRITES_THE_BASE)


@pytest.mark.parametrize("name", [name for name in TRAINED if name not in REWRITES_THE_BASE])
def test_without_its_adapter_a_trained_model_is_the_base_again(name):
    model = trained(name).model
    if hasattr(model, "disable_adapter"):
        with model.disable_adapter():
            assert contracts.close(contracts.logits(model), contracts.logits(toy.base()))


@pytest.mark.parametrize("name", TRAINED)
def test_training_moves_something_and_only_what_may_be_trained(name):
    trial = trained(name)
    moved = {key for key, tensor in trial.weights.items() if not torch.equal(tensor, trial.started[key])}
    assert moved
    assert moved <= trial.trainable


@pytest.mark.parametrize("name", TRAINED)
def test_what_it_trains_is_float32_and_each_tensor_is_once_in_its_optimiser(name):
    trial = trained(name)
    assert {trial.weights[key].dtype for key in trial.trainable} == {torch.float32}
    assert contracts.unoptimised(trial) == []


@pytest.mark.parametrize("name", TRAINED)
def test_training_lowers_the_loss_and_spends_the_whole_budget(name):
    trial, batch = trained(name), toy.batches()[0]
    before, after = (model(**batch).loss for model in (contracts.built(CLASSES[name]).model, trial.model))
    assert after < before
    assert trial.batches.used.steps == contracts.STEPS
    assert list(trial.batches) == []


@pytest.mark.parametrize("name", TRAINED)
def test_the_same_seed_trains_the_same_even_where_activations_are_computed_again(name):
    again = contracts.trained(CLASSES[name], recompute=True)
    assert contracts.close(contracts.logits(again.model), contracts.logits(trained(name).model), tolerance=1e-3)


@pytest.mark.parametrize("name", TRAINED)
def test_the_loss_is_that_of_the_labels_unless_the_method_adds_to_it(name):
    extra = contracts.extra_loss(contracts.shaken(CLASSES[name]))
    assert extra > 1e-3 if name in REGULARISED else abs(extra) < 1e-5


@pytest.mark.parametrize("name", TRAINED)
def test_a_pass_in_training_gives_the_same_twice_unless_the_method_draws(name):
    assert contracts.draws(contracts.shaken(CLASSES[name])) == (name in DRAWS)


@pytest.mark.parametrize("name", ASKED)
def test_a_prompt_has_the_same_answer_alone_and_beside_others(name):
    trial = contracts.shaken(CLASSES[name])
    alone = [trial.method.generate(trial.model, [prompt])[0] for prompt in toy.prompts()[:3]]
    assert contracts.texts(trial) == alone
    assert {type(text) for text in alone} == {str}


@pytest.mark.parametrize("name", [*TRAINED, "few_shot", "zero_shot"])
def test_it_answers_with_as_many_tokens_and_beams_as_the_suite_says(name):
    trial = contracts.built(CLASSES[name], max_new_tokens=3, num_beams=2)
    assert contracts.decoded(trial.method, trial.model) == [2] * 3


@pytest.mark.parametrize("name", PREPARED)
def test_preparing_uses_every_batch_but_not_its_padding(name):
    batches = toy.batches()
    usual = contracts.built(CLASSES[name])
    with_less = contracts.built(CLASSES[name], seen=batches[:1])
    padded = contracts.built(CLASSES[name], seen=[_padded(batch) for batch in batches])
    assert any(not torch.equal(tensor, with_less.started[key]) for key, tensor in usual.started.items())
    for key, tensor in usual.started.items():
        assert contracts.close(padded.started[key], tensor, tolerance=0.01), key


@pytest.mark.parametrize("name", PREPARED)
def test_preparing_leaves_the_base_as_it_was(name):
    model = toy.copy_of_base()
    contracts.instance(CLASSES[name]).prepare(model, toy.batches())
    assert weights.digest(model) == weights.digest(toy.base())
    assert [key for key, parameter in model.named_parameters() if parameter.grad is not None] == []
    assert not model.training


def _padded(batch):
    """The batch with three more columns of padding on either side."""
    fill = {"input_ids": 0, "attention_mask": 0, "labels": -100}
    return {key: torch.nn.functional.pad(tensor, (0, 3), value=fill[key]) for key, tensor in batch.items()}
