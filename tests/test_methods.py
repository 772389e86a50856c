"""Every method keeps the contract, and the published parameter counts come out."""

from dataclasses import dataclass

import pytest
import torch
from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration, set_seed

from harness import base_model, registry
from harness.budget import Batches
from harness.method import Setting
from harness.suite import Budget, ModelTable
from harness.task import PROMPTS

PLUGINS = registry.discover()
CLASSES = {name: registry.load(plugin, {}) for name, plugin in PLUGINS.items()}
TRAINED = [name for name, cls in CLASSES.items() if cls.trains]
UNTRAINED = [name for name, cls in CLASSES.items() if not cls.trains]
CPU = torch.device("cpu")
STEPS = 16


@dataclass
class Trial:
    """A method that was built and trained on the toy task, with what was seen before and after."""

    model: torch.nn.Module
    batches: Batches
    started: dict[str, torch.Tensor]
    losses: tuple[float, float]
    texts: list[str]


def instance(name, folder, seed=0):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return CLASSES[name](Setting(tokenizer, PROMPTS["dialogsum"], max_new_tokens=8, num_beams=1, seed=seed))


def load(folder):
    return base_model.load(ModelTable(name=str(folder)), CPU).model


@torch.no_grad()
def loss(model, task):
    model.eval()
    return model(**next(task.batches(16, seed=0))).loss.item()


def attempt(name, folder, task, seed=0):
    """Build, train and generate, seeded as a run is."""
    method = instance(name, folder, seed)
    set_seed(seed)
    model = method.build(load(folder))
    started = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    before = loss(model, task)
    batches = Batches(task.batches(8, seed), Budget(max_steps=STEPS), CPU)
    set_seed(seed)
    method.train(model, batches)
    texts = method.generate(model, [question.prompt for question in task.questions])
    return Trial(model, batches, started, (before, loss(model, task)), texts)


@pytest.fixture(scope="module", params=TRAINED)
def trained(request, tiny_folder, toy_task):
    """The name of each trained method with its trial; trained once for all tests."""
    return request.param, attempt(request.param, tiny_folder, toy_task)


def flan_t5_small():
    """The shape of google/flan-t5-small without its values."""
    with torch.device("meta"):
        model = T5ForConditionalGeneration(
            T5Config(
                vocab_size=32128,
                d_model=512,
                d_kv=64,
                d_ff=1024,
                num_heads=6,
                num_layers=8,
                num_decoder_layers=8,
                feed_forward_proj="gated-gelu",
                tie_word_embeddings=False,
                decoder_start_token_id=0,
            )
        )
        model.lm_head.weight = torch.nn.Parameter(torch.empty(32128, 512))  # transformers 5 ties every new T5
    return model


def test_the_built_in_methods_are_found():
    assert {"zero_shot", "lead3", "full_finetune", "lora", "prompt_tuning"} <= set(PLUGINS)


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_method_builds_a_model_with_something_to_train_in_float32(name, tiny_folder, toy_task):
    model = instance(name, tiny_folder).build(load(tiny_folder))
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_reference_row_leaves_nothing_to_train(name, tiny_folder, toy_task):
    model = instance(name, tiny_folder).build(load(tiny_folder))
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_loss_falls_within_the_budget(trained):
    _, trial = trained
    before, after = trial.losses
    assert after < before


def test_training_moves_only_what_may_be_trained(trained):
    _, trial = trained
    moved = {key for key, tensor in trial.model.named_parameters() if not torch.equal(tensor, trial.started[key])}
    assert moved
    assert moved <= {key for key, tensor in trial.model.named_parameters() if tensor.requires_grad}


def test_training_spends_the_whole_budget_and_nothing_is_left(trained):
    _, trial = trained
    assert trial.batches.used.steps == STEPS
    assert list(trial.batches) == []


def test_the_same_seed_gives_the_same_weights_and_texts(trained, tiny_folder, toy_task):
    name, trial = trained
    again = attempt(name, tiny_folder, toy_task)
    assert again.losses == trial.losses
    assert again.texts == trial.texts


def test_a_trained_method_answers_each_prompt_with_one_string(trained, toy_task):
    _, trial = trained
    assert [type(text) for text in trial.texts] == [str] * len(toy_task.questions)


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_reference_row_answers_each_prompt_with_one_string_and_always_the_same(name, tiny_folder, toy_task):
    prompts = [question.prompt for question in toy_task.questions]
    first, second = (
        method.generate(method.build(load(tiny_folder)), prompts)
        for method in (instance(name, tiny_folder), instance(name, tiny_folder))
    )
    assert [type(text) for text in first] == [str] * len(prompts)
    assert first == second


def test_lead3_answers_with_the_first_three_turns(tiny_folder, toy_task, rows):
    method = instance("lead3", tiny_folder)
    text = method.generate(method.build(load(tiny_folder)), [toy_task.questions[0].prompt])[0]
    assert text == " ".join(rows[16]["dialogue"].splitlines()[:3])


@pytest.mark.parametrize(
    ("name", "elements", "tensors"),
    [
        ("zero_shot", 0, 0),
        ("full_finetune", 76_961_152, 190),
        ("lora", 1_376_256, 96),
        ("prompt_tuning", 10_240, 1),
    ],
)
def test_the_trainable_parameters_of_flan_t5_small_are_as_published(name, elements, tensors, tiny_folder):
    base = flan_t5_small()
    assert sum(parameter.numel() for parameter in base.parameters()) == 76_961_152
    found = [p for p in instance(name, tiny_folder).build(base).parameters() if p.requires_grad]
    assert (sum(parameter.numel() for parameter in found), len(found)) == (elements, tensors)


def test_every_virtual_token_of_prompt_tuning_gets_a_gradient(tiny_folder, toy_task):
    model = instance("prompt_tuning", tiny_folder).build(load(tiny_folder))
    model(**next(toy_task.batches(4, seed=0))).loss.backward()
    (prompt,) = (parameter for parameter in model.parameters() if parameter.requires_grad)
    assert prompt.grad.shape == (20, 32)
    assert prompt.grad.abs().sum(1).min() > 0
