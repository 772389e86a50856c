"""A text that ends an answer ends its generation, in each row by itself, whatever the model and the method are."""

import pytest
import torch
from transformers import ByT5Tokenizer

from harness.models.seq2seq import Seq2SeqFamily
from harness.models.stopping import Stops
from harness.spec.stops import before
from harness.training import decoding
from support import causal, contracts, toy
from support.zoo import CLASSES

BYTES = ByT5Tokenizer()  # a byte is a token
NEW_TOKENS = 24
PROMPTS = causal.PROMPTS
CASES = [("t5", None), ("llama", None), ("gpt2", None), ("llama", "prompt_tuning"), ("mistral", "prefix_tuning")]
T5 = Seq2SeqFamily(toy.tokenizer())


def ids(text):
    return [byte + 3 for byte in text.encode()]


def ended(*texts, stops=(";",), start=0):
    longest = max(map(len, texts))
    rows = torch.tensor([[*ids(text), *[0] * (longest - len(text))] for text in texts])
    return Stops(BYTES, stops).rows(start, rows).tolist()


@pytest.fixture(params=CASES, ids=lambda case: "-".join(filter(None, case)))
def asked(request):
    """A model with its family, as a method may have changed it."""
    kind, method = request.param
    if kind == "t5":
        return contracts.shaken(CLASSES["lora"], 0.5).model, T5
    model = causal.built(causal.small(method), kind, 0.5)[1] if method else causal.model(kind)
    return model, causal.family()


def test_a_row_ends_where_a_stop_is_after_the_prompt_and_after_leading_space():
    assert ended("ab;", "abc", ";", "a;b") == [True, False, True, True]
    assert ended("a;b", "a;;", start=2) == [False, True]
    assert ended("\n\na", "\na\n", stops=("\n",)) == [False, True]
    assert ended("a--b", "a##", "a#-", stops=("--", "##")) == [True, True, False]


def test_a_row_of_any_length_ends():
    assert ended("é" * 100 + ";", "é" * 100 + "e") == [True, False]


def counted(model, family, prompts, **options):
    """The answers to these prompts, and what was counted."""
    with decoding.counting() as found:
        texts = decoding.generate(model, family, prompts, max_new_tokens=NEW_TOKENS, **options)
    return texts, found


def test_generation_ends_with_the_answer_and_gives_the_same_in_batches_as_alone(asked):
    model, family = asked
    whole, all_of_it = counted(model, family, PROMPTS)
    limited = [counted(model, family, [prompt])[1].cut for prompt in PROMPTS]
    stop = (toy.inner_letter(max(whole, key=len)),)
    expected = [text if (cut := before(stop, text)) is None else cut for text in whole]
    assert expected != whole
    for together in (True, False):
        found, less = counted(model, family, PROMPTS, stop=stop, together=together)
        assert found == expected
        assert less.tokens < all_of_it.tokens
        assert less.cut == sum(one for one, text in zip(limited, whole, strict=True) if before(stop, text) is None)


def test_no_token_is_generated_after_the_last_answer_has_ended(asked):
    model, family = asked
    (whole,) = decoding.generate(model, family, PROMPTS[:1], max_new_tokens=NEW_TOKENS)
    steps = []
    model.register_forward_hook(lambda *_: steps.append(1))
    inner = getattr(model, "get_base_model", lambda: model)()
    if inner is not model:
        inner.register_forward_hook(lambda *_: steps.append(1))
    decoding.generate(model, family, PROMPTS[:1], max_new_tokens=NEW_TOKENS, stop=(toy.inner_letter(whole),))
    stopped = len(steps)
    decoding.generate(model, family, PROMPTS[:1], max_new_tokens=NEW_TOKENS)
    assert 0 < stopped < len(steps) - stopped


def test_beams_end_as_well():
    model, family = causal.model("llama"), causal.family()
    whole = decoding.generate(model, family, PROMPTS, max_new_tokens=12, num_beams=3)
    stop = (toy.inner_letter(max(whole, key=len)),)
    found = [
        decoding.generate(model, family, PROMPTS, max_new_tokens=12, num_beams=3, stop=stop, together=together)
        for together in (True, False)
    ]
    assert found[0] == found[1] != whole
    assert not any(stop[0] in text for text in found[0])
