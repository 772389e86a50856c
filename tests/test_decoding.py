"""Batched generation answers each prompt as if it were alone, in the prompts' order, and counts what it made."""

from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import ByT5Tokenizer, GenerationConfig

from harness.method import Method, Setting
from harness.models.seq2seq import Seq2SeqFamily
from harness.spec.suite import TaskTable
from harness.tasks.task import prompt_of
from harness.training import decoding

PROMPT = prompt_of(TaskTable(name="dialogsum"))
WORDS = ("hello", "ticket", "red", "bicycle", "please", "I", "would", "like", "Leeds", "#Person1#", "sorry", "ten", "7")


@pytest.fixture(scope="module")
def prompts():
    """Twelve prompts, from an empty dialogue to one of nearly a thousand tokens, in no order of length."""
    rng = Random(0)
    lengths = rng.sample([0, 1, 2, 3, 5, 8, 20, 40, 80, 200, 300, 400], 12)
    return [PROMPT.fill(" ".join(rng.choices(WORDS, k=length))) for length in lengths]


def answers(base, prompts, **options):
    return decoding.generate(base.model, base.family, prompts, **{"max_new_tokens": 10, **options})


def by_transformers(base, prompt, max_new_tokens, num_beams):
    """The answer that transformers alone gives to one prompt."""
    base.model.eval()
    ids = base.tokenizer([prompt], return_tensors="pt")["input_ids"]
    output = base.model.generate(ids, max_new_tokens=max_new_tokens, num_beams=num_beams, do_sample=False)
    return base.tokenizer.decode(output[0], skip_special_tokens=True).strip()


@pytest.mark.parametrize(("max_new_tokens", "num_beams"), [(10, 1), (4, 1), (7, 3)])
def test_a_batch_is_answered_as_transformers_answers_one_prompt_at_a_time(max_new_tokens, num_beams, base, prompts):
    longest = max(map(len, base.tokenizer(prompts)["input_ids"]))
    assert longest * len(prompts) > decoding.MAX_BATCH_TOKENS, "the prompts must not fit into one batch"
    alone = [by_transformers(base, prompt, max_new_tokens, num_beams) for prompt in prompts]
    assert len(set(alone)) > 3, "the answers must tell the prompts apart"
    assert answers(base, prompts, max_new_tokens=max_new_tokens, num_beams=num_beams) == alone


def test_beams_and_lengths_change_the_answers(base, prompts):
    """Or the comparison with transformers would show nothing."""
    plain = answers(base, prompts)
    assert plain != answers(base, prompts, num_beams=3)
    assert plain != answers(base, prompts, max_new_tokens=4)


def test_a_method_answers_with_the_beams_length_and_settings_of_its_run(base, prompts):
    some, ids = prompts[:5], {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
    found = [answers(base, some, max_new_tokens=8)]
    for beams, tokens, settings in (
        (3, 8, None),
        (1, 5, None),
        (1, 8, GenerationConfig(min_length=8, suppress_tokens=[*range(60, 400)], **ids)),
    ):
        setting = Setting(base.family, PROMPT, tokens, beams, seed=0, generation=settings)
        found.append(Method(setting).generate(base.model, some))
        assert found[-1] == answers(base, some, max_new_tokens=tokens, num_beams=beams)
    assert len(set(map(tuple, found))) == 4
    assert base.model.generation_config.min_length == 8


def test_answers_keep_the_order_of_the_prompts(base, prompts):
    forwards = answers(base, prompts)
    assert forwards != forwards[::-1]
    assert answers(base, prompts[::-1]) == forwards[::-1]


def test_no_prompts_have_no_answers(base):
    assert answers(base, []) == []


def test_a_model_left_in_training_mode_is_asked_without_dropout(base, prompts):
    expected = answers(base, prompts[:4])
    base.model.train()
    assert answers(base, prompts[:4]) == expected
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


# What was made, known by hand


class Scripted(torch.nn.Module):
    """Answers the prompts, longest first, with these tokens, whatever they say; keeps the sizes of its batches."""

    device = torch.device("cpu")

    def __init__(self, *rows, ends=1):
        super().__init__()
        self.rows, self.sizes = list(rows), []
        self.generation_config = SimpleNamespace(eos_token_id=ends)

    def generate(self, input_ids, num_beams, **_):
        self.sizes.append((len(input_ids), num_beams))
        rows, self.rows = self.rows[: len(input_ids)], self.rows[len(input_ids) :]
        return torch.tensor(rows)


def counted(tokenizer, *rows, limit=5, ends=1, stop=()):
    model, family = Scripted(*rows, ends=ends), Seq2SeqFamily(tokenizer)
    with decoding.counting() as generated:
        decoding.generate(model, family, ["Hello."] * len(rows), max_new_tokens=limit, stop=stop)
    return generated.texts, generated.tokens, generated.cut


def test_tokens_are_counted_to_the_end_token_without_the_first_and_without_padding(tokenizer):
    assert counted(tokenizer, [0, 5, 6, 1, 0, 0], [0, 7, 1, 0, 0, 0], [0, 5, 6, 7, 8, 9]) == (3, 3 + 2 + 5, 1)


def test_an_answer_whose_last_token_is_the_end_token_was_not_cut(tokenizer):
    assert counted(tokenizer, [0, 5, 6, 7, 8, 1]) == (1, 5, 0)


def test_an_answer_that_something_else_than_the_limit_ended_was_not_cut(tokenizer):
    assert counted(tokenizer, [0, 5, 6, 7]) == (1, 3, 0)


def test_an_answer_that_a_stop_text_ended_was_not_cut_and_its_tokens_end_there():
    rows = [[0, *(byte + 3 for byte in text)] for text in (b"ab;cd", b"abcd;", b"abcde", b";;;;;")]
    assert counted(ByT5Tokenizer(), *rows, stop=(";",)) == (4, 3 + 5 + 5 + 1, 1)


def test_any_of_several_end_tokens_ends_an_answer(tokenizer):
    assert counted(tokenizer, [0, 5, 9, 0, 0, 0], [0, 5, 6, 7, 1, 0], ends=[1, 9]) == (2, 2 + 4, 0)


def test_a_model_without_an_end_token_has_its_tokenizers(tokenizer):
    assert tokenizer.eos_token_id == 1
    assert counted(tokenizer, [0, 5, 6, 1, 0, 0], ends=None) == (1, 3, 0)


def test_what_several_calls_made_is_added_up_within_and_not_beyond(tokenizer):
    with decoding.counting() as outer:
        assert counted(tokenizer, [0, 5, 1]) == (1, 2, 0)
        for _ in range(2):
            decoding.generate(Scripted([0, 5, 6, 1]), Seq2SeqFamily(tokenizer), ["Hello."], max_new_tokens=5)
    decoding.generate(Scripted([0, 5, 6, 1]), Seq2SeqFamily(tokenizer), ["Hello."], max_new_tokens=5)
    assert (outer.texts, outer.tokens) == (2, 6)


# The size of batches


def test_prompts_that_may_not_be_together_are_alone_in_their_batches(tokenizer):
    model, family = Scripted([0, 5, 1], [0, 6, 1], [0, 7, 1]), Seq2SeqFamily(tokenizer)
    decoding.generate(model, family, ["Hello."] * 3, max_new_tokens=5, together=False)
    assert model.sizes == [(1, 1)] * 3


class Echo(Scripted):
    """Answers a prompt with its own first bytes."""

    def generate(self, input_ids, num_beams, **_):
        self.sizes.append((*input_ids.shape, num_beams))
        return torch.nn.functional.pad(input_ids, (1, 0))


@given(prompts=st.lists(st.text("abc ", max_size=12), max_size=12), beams=st.integers(1, 3), room=st.integers(1, 60))
def test_each_prompt_gets_its_own_answer_and_no_batch_of_several_is_larger_than_its_room(prompts, beams, room):
    model = Echo()
    with patch.object(decoding, "MAX_BATCH_TOKENS", room):
        found = decoding.generate(model, Seq2SeqFamily(ByT5Tokenizer()), prompts, max_new_tokens=5, num_beams=beams)
    assert found == [prompt.strip() for prompt in prompts]
    assert all(rows == 1 or rows * width * num_beams <= room for rows, width, num_beams in model.sizes)


@pytest.mark.parametrize(
    ("num_beams", "room", "sizes"),
    [(1, 30, [3, 3]), (1, 29, [2, 4]), (2, 60, [3, 3]), (2, 30, [1, 2, 3]), (3, 30, [1, 1, 1, 2, 1]), (9, 1, [1] * 6)],
)
def test_a_batch_holds_as_many_prompts_as_its_tokens_and_beams_leave_room_for(num_beams, room, sizes, monkeypatch):
    """Prompts of 10, 7, 7, 5, 5 and 4 tokens, longest first; each takes the longest's room, once for each beam."""
    monkeypatch.setattr(decoding, "MAX_BATCH_TOKENS", room)
    chosen = ["x" * (length - 1) for length in (5, 10, 4, 7, 5, 7)]  # and the end token
    model = Scripted(*[[0, 5, 1]] * 6)
    decoding.generate(model, Seq2SeqFamily(ByT5Tokenizer()), chosen, max_new_tokens=5, num_beams=num_beams)
    assert model.sizes == [(size, num_beams) for size in sizes]
