"""Methods on decoder-only models: a batch is trained on and answered as its rows alone, within the positions."""

import math
from itertools import repeat

import pytest
import torch

from harness.method import Unsupported
from harness.models import learned_prompts
from harness.spec.suite import Budget
from harness.training.budget import Batches
from support import causal, contracts, toy
from support.zoo import CLASSES, TRAINED

ONLY_CAUSAL = ["adaption_prompt", "cpt", "shadow"]
NEED_AN_ENCODER = {"cross_attention", "decoder_only"}
TOGETHER = ["lily", "velora"]  # look at all rows of a batch at once
CAUSAL = [name for name in [*TRAINED, *ONLY_CAUSAL] if name not in {*NEED_AN_ENCODER, *TOGETHER}]
DRAW = {"monteclora", "poly", "pvera"}  # in training; asked for the gradient of what they are in evaluation
LEARN_A_PROMPT = ["adaption_prompt", "cartridge", "cpt", "multitask_prompt_tuning", "p_tuning", "prefix_tuning"]
LEARN_A_PROMPT += ["prompt_tuning", "shadow"]
CACHED = ["cartridge", "prefix_tuning"]
BEAMS = pytest.mark.parametrize("beams", [1, 2])


# Micro batches


def gradient(name, size):
    """The gradient that a method trains with in its first step, for micro batches of that size."""
    found = {}

    def note(_, model, __, ___):
        found.update({own: p.grad.clone() for own, p in model.named_parameters() if p.grad is not None})

    cls = contracts.having(causal.small(name), max_grad_norm=1e9, after_step=note)
    method, model = causal.built(cls, "llama", 0.1, micro_batch_size=size)
    if name in DRAW:
        model.eval()
        model.train = lambda _=True: model
    method.train(model, Batches(repeat(causal.batch()), Budget(max_steps=1), toy.CPU, causal.family().row_tokens))
    return torch.cat([found[own].flatten() for own in sorted(found)])


def test_the_rows_of_the_batch_have_different_numbers_of_labels():
    assert len({*(causal.batch()["labels"] >= 0).sum(1).tolist()}) > 1


@pytest.mark.parametrize("name", CAUSAL)
def test_micro_batches_train_with_the_gradient_of_the_whole_batch(name):
    whole = gradient(name, None)
    assert whole.any()
    for size in (1, 3):
        assert contracts.close(gradient(name, size), whole)


@pytest.mark.parametrize("name", TOGETHER)
def test_a_method_that_looks_at_all_rows_at_once_refuses_micro_batches(name):
    with pytest.raises(
        Unsupported, match=r"the rows beside it, so that run\.micro_batch_size would change its gradient"
    ):
        contracts.instance(CLASSES[name], family=causal.family(), micro_batch_size=4)


def test_every_row_of_cpt_counts_the_labels_of_its_context_as_well():
    method, _ = causal.built(CLASSES["cpt"], "llama", 0.0)
    own = [len(row.target) for row in causal.rows()[:4]]
    assert method.labels_per_row(causal.batch()).tolist() == [each + sum(own[:2]) for each in own]


# Answers


def learned(name, kind):
    return causal.built(causal.small(name), kind, 0.5)


def same_alone(model, beams):
    """Whether each prompt of a batch has the answer that it has alone."""
    family, options = causal.family(), {"max_new_tokens": 6, "num_beams": beams, "do_sample": False}
    ids = family.prompt_ids(causal.PROMPTS)
    with torch.inference_mode():
        together = family.answers(model.eval(), ids, **options).tolist()
        alone = [family.answers(model, [each], **options)[0].tolist() for each in ids]
    assert len({*map(tuple, alone)}) > 1, "all answers are the same, which shows nothing"
    return [row[: len(one)] for row, one in zip(together, alone, strict=True)] == alone


@BEAMS
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("name", LEARN_A_PROMPT)
def test_a_learned_prompt_leaves_every_prompt_of_a_batch_the_answer_that_it_has_alone(name, kind, beams):
    _, model = learned(name, kind)
    assert same_alone(model, beams)


@BEAMS
@pytest.mark.parametrize("kind", ["mistral", "gemma2", "gpt-neo"])
@pytest.mark.parametrize("name", CACHED)
def test_padding_pushes_no_prefix_out_of_a_sliding_window(name, kind, beams):
    _, model = learned(name, kind)
    assert learned_prompts._window(model) == causal.WINDOW
    assert same_alone(model, beams)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_model_without_a_window_answers_a_batch_of_all_lengths_at_once(kind):
    _, model = learned("prefix_tuning", kind)
    passes = []
    model.get_base_model().register_forward_pre_hook(
        lambda _, __, given: passes.append(len(given["input_ids"])), with_kwargs=True
    )
    ids = causal.family().prompt_ids(causal.PROMPTS)
    with torch.inference_mode():
        causal.family().answers(model.eval(), ids, max_new_tokens=2, do_sample=False)
    assert learned_prompts._window(model) == math.inf
    assert passes[0] == len(causal.PROMPTS)


# Families


@pytest.mark.parametrize("name", ONLY_CAUSAL)
def test_a_method_for_decoder_only_models_refuses_others_before_it_prepares(name):
    with pytest.raises(Unsupported, match=r"^it is not for encoder-decoder models$"):
        contracts.instance(CLASSES[name])


# Positions


@pytest.mark.parametrize(
    ("name", "kind", "count"), [("prompt_tuning", "llama", 5), ("cartridge", "gpt2", 5), ("lora", "llama", 0)]
)
def test_what_a_method_puts_in_front_is_known_from_its_model(name, kind, count):
    assert sum(learned_prompts.lengths(learned(name, kind)[1])) == count


def test_the_context_of_cpt_is_in_front_as_well():
    context = sum(sum(row.lengths) for row in causal.rows()[:2])
    assert learned_prompts.lengths(learned("cpt", "llama")[1]) == (context, 0)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_examples_that_leave_no_positions_for_a_prompt_are_refused_with_the_numbers(kind):
    examples = [("Summarize. " * 20, "They talk.")] * 2
    method, model = causal.built(CLASSES["few_shot"], kind, 0.0, examples=examples)
    prompt = "What? " * 20
    tokens = len(causal.family().prompt_ids(["".join(f"{a}{b}\n\n" for a, b in examples) + prompt])[0]) + 4
    assert tokens < causal.POSITIONS
    assert len(method.generate(model, [prompt])) == 1
    with pytest.raises(
        Unsupported,
        match=r"^the base model's decoder has 512 positions, but the longest prompt with its answer may take [\d,]+ "
        r"tokens, as this method asks it$",
    ):
        method.generate(model, [prompt * 20])
