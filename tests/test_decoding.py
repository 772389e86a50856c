"""Batched generation answers each prompt as if it were alone, in the prompts' order."""

from random import Random

import pytest
import torch

from harness import decoding
from harness.task import PROMPTS

WORDS = ("hello", "ticket", "red", "bicycle", "please", "I", "would", "like", "Leeds", "#Person1#", "sorry", "ten", "7")


@pytest.fixture(scope="module")
def prompts():
    """Twelve prompts, from an empty dialogue to one of nearly a thousand tokens, in no order of length."""
    rng = Random(0)
    lengths = rng.sample([0, 1, 2, 3, 5, 8, 20, 40, 80, 200, 300, 400], 12)
    return [PROMPTS["dialogsum"].fill(" ".join(rng.choices(WORDS, k=length))) for length in lengths]


def answers(base, prompts, **options):
    return decoding.generate(base.model, base.tokenizer, prompts, **{"max_new_tokens": 10, **options})


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_batch_answers_like_one_prompt_at_a_time(num_beams, base, prompts):
    longest = max(map(len, base.tokenizer(prompts)["input_ids"]))
    assert longest * len(prompts) * num_beams > decoding.BATCH_TOKENS, "the prompts must not fit into one batch"
    alone = [answers(base, [prompt], num_beams=num_beams)[0] for prompt in prompts]
    assert len(set(alone)) > 3, "the answers must tell the prompts apart"
    assert answers(base, prompts, num_beams=num_beams) == alone


def test_answers_keep_the_order_of_the_prompts(base, prompts):
    forwards = answers(base, prompts)
    assert forwards != forwards[::-1]
    assert answers(base, prompts[::-1]) == forwards[::-1]


def test_no_prompts_have_no_answers(base):
    assert answers(base, []) == []


def test_a_model_left_in_training_mode_is_asked_without_dropout(base, prompts):
    base.model.train()
    assert answers(base, prompts[:4]) == answers(base, prompts[:4])
    assert not base.model.training


def test_what_is_generated_is_counted_as_tokens_and_cut_only_where_the_limit_cut_it(base, prompts):
    with decoding.counting() as whole:
        answers(base, prompts, max_new_tokens=1)
    assert (whole.texts, whole.tokens, whole.cut) == (12, 12, 12)
    base.model.generation_config.forced_eos_token_id = None
    with torch.no_grad():
        base.model.lm_head.weight[:] = 0
    base.model.generation_config.eos_token_id = 0  # of equal scores the first token is chosen
    with decoding.counting() as ended:
        answers(base, prompts, max_new_tokens=1)
    assert (ended.texts, ended.tokens, ended.cut) == (12, 12, 0)


def test_what_nobody_counts_is_generated_all_the_same(base, prompts):
    with decoding.counting() as before:
        pass
    assert len(answers(base, prompts[:2])) == 2
    assert before.texts == 0
