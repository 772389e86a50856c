"""The label that is chosen is the likeliest of all pairs alone, though prompts and common beginnings are read once."""

import pytest
import torch
from transformers import LlamaForCausalLM

from harness.method import Unsupported
from harness.models.seq2seq import Seq2SeqFamily
from harness.training import choosing, label_tree
from harness.training.choosing import choose
from support import causal, contracts, toy
from support import likelihoods as plain
from support.zoo import CLASSES

T5 = Seq2SeqFamily(toy.tokenizer())
END = 1
PROMPTS = [*toy.prompts()[:4], toy.prompts()[0], "Why?", "Why? ", "Who?"]
LABELS = ["a card", "a card is lost", "a card is late", "a card payment is late", "cash", "cash is late", "no, nothing"]
LABELS += ["a card payment is lost", "two tickets to Leeds and a room for the night", "keys", "a haircut", "bread"]
KINDS = ["t5", *causal.KINDS]
CAUSAL_METHODS = ["adaption_prompt", "cartridge", "cpt", "lora", "multitask_prompt_tuning", "p_tuning"]
CAUSAL_METHODS += ["prefix_tuning", "prompt_tuning", "shadow"]
T5_METHODS = ["cartridge", "lora", "p_tuning", "prefix_tuning", "prompt_tuning"]
ON_KINDS = [(kind, None) for kind in KINDS]
ON_KINDS += [(kind, name) for kind in ("llama", "gpt2") for name in CAUSAL_METHODS]
ON_KINDS += [("t5", name) for name in T5_METHODS]


def asked(kind, method=None):
    """A model of that kind, or what a method built on it, changed; with its family."""
    if kind == "t5":
        return contracts.shaken(CLASSES[method], 0.5).model if method else toy.copy_of_base(), T5
    return causal.built(causal.small(method), kind, 0.5)[1] if method else causal.model(kind), causal.family()


def tokens(family):
    """The tokens of prompts, and of labels behind prompts without a space at their end."""
    return family.prompt_ids(PROMPTS), family.target_ids(LABELS, 99)[0]


@pytest.mark.parametrize(("kind", "method"), ON_KINDS)
def test_what_is_read_once_has_the_likelihoods_of_pairs_that_are_alone(kind, method):
    model, family = asked(kind, method)
    with torch.no_grad():
        alone = choosing._alone(model.eval(), family, *tokens(family))
        once = choosing._read_once(model, family, *tokens(family))
        assert choosing._way(model, family, *tokens(family)) == choosing._read_once
    assert (once - alone).abs().max() < 1e-4
    assert len({*alone.flatten().tolist()}) > len(LABELS), "likelihoods must depend on the prompts"


@pytest.mark.parametrize(("kind", "method"), [("t5", None), ("llama", None), ("gpt2", "lora"), ("t5", "prefix_tuning")])
def test_the_likeliest_label_per_token_is_chosen(kind, method):
    model, family = asked(kind, method)
    expected = plain.chosen(model, family, PROMPTS, LABELS)
    assert [LABELS[number] for number in choose(model, family, PROMPTS, LABELS)] == expected


def test_a_label_is_not_less_likely_for_being_long():
    found = choosing._per_token(torch.tensor([[-2.0, -3.0, -9.0]]), [[END], [5, END], [5, 6, END]])
    assert found.tolist() == [[-2.0, -1.5, -3.0]]


def test_the_order_of_the_labels_changes_nothing():
    model, family = asked("llama")
    backwards = LABELS[::-1]
    found = [LABELS[number] for number in choose(model, family, PROMPTS, LABELS)]
    assert [backwards[number] for number in choose(model, family, PROMPTS, backwards)] == found


@pytest.mark.parametrize("kind", ["t5", "llama"])
def test_of_labels_that_are_as_likely_the_first_is_chosen(kind):
    model, family = asked(kind)
    with torch.no_grad():
        model.lm_head.weight[:] = 0
    assert choose(model, family, PROMPTS, LABELS) == [0] * len(PROMPTS)


def test_there_is_nothing_to_choose_for_no_prompts():
    assert choose(*asked("llama"), [], LABELS) == []


# Passes and tokens


PAIRS = [[9, 100 + number, END] for number in range(45)] + [[200 + number, END] for number in range(32)]


def passes(part):
    """A list to which the shapes of what that part reads are added."""
    shapes = []

    def note(_, args, given):
        shapes.append(tuple((given["input_ids"] if "input_ids" in given else args[0]).shape))

    part.register_forward_pre_hook(note, with_kwargs=True)
    return shapes


def read_once(model, family, sources, targets=PAIRS):
    with torch.no_grad():
        return choosing._read_once(model.eval(), family, sources, targets)


def test_prompts_are_read_once_and_so_is_what_labels_begin_with():
    model, family = asked("llama")
    shapes = passes(model.model)
    read_once(model, family, [[5, 6, 7], [7, 8, 9], [5, 5, 5]])
    assert shapes == [(3, 3), (3 * 33, 1), (3 * 45, 1)]


def test_an_encoder_reads_prompts_of_several_lengths_once_and_the_decoder_labels():
    model, family = asked("t5")
    encoder, decoder = passes(model.encoder), passes(model.decoder)
    read_once(model, family, [[5, 6, 7, END], [8, END], [5, 5, END]])
    assert encoder == [(3, 4)]
    assert decoder == [(3, 1), (3 * 33, 1), (3 * 45, 1)]


def test_the_passes_of_a_batch_are_no_more_than_the_longest_label_has_tokens():
    model, family = asked("gpt2")
    (_, labels), shapes = tokens(family), passes(model.transformer)
    read_once(model, family, [[5, 6, 7]] * 2, labels)
    assert len(shapes) == 1 + len(label_tree.stages(labels)) <= max(map(len, labels))


@pytest.mark.parametrize("kind", ["t5", "llama"])
@pytest.mark.parametrize("limit", ["MAX_BATCH_TOKENS", "MAX_LOGITS"])
def test_labels_for_which_there_is_no_room_at_once_follow_one_reading_of_the_prompt(kind, limit, monkeypatch):
    model, family = asked(kind)
    sources = [[5, 6, 7], [7, 8, 9], [5, 5, 5]]
    whole = read_once(model, family, sources)
    one = {"MAX_BATCH_TOKENS": 3 + 3, "MAX_LOGITS": 3 * len(family.tokenizer)}[limit]  # of a label and its prompt
    monkeypatch.setattr(choosing, limit, 30 * one)
    shapes = passes(model.encoder if kind == "t5" else model.model)
    assert (read_once(model, family, sources) - whole).abs().max() < 1e-4
    assert sum(shape == (1, 3) for shape in shapes) == len(sources)
    assert max(rows for rows, _ in shapes) <= 30


# Other ways


class Forgets(LlamaForCausalLM):
    """Keeps nothing of what it reads."""

    def forward(self, *args, past_key_values=None, use_cache=None, **given):
        return super().forward(*args, **given, use_cache=False)


class Misremembers(LlamaForCausalLM):
    """Says that it goes on with what it has read, but does not."""

    def forward(self, *args, past_key_values=None, **given):
        return super().forward(*args, **given)


class Mixes(LlamaForCausalLM):
    """What it predicts for a row depends on the other rows."""

    def forward(self, *args, **given):
        output = super().forward(*args, **given)
        output.logits = output.logits + output.logits.roll(1, -1) * (len(given["input_ids"]) - 1)
        return output


def of(cls):
    model = causal.model("llama")
    model.__class__ = cls
    return model


@pytest.mark.parametrize(("cls", "way"), [(Forgets, "_in_batches"), (Misremembers, "_in_batches"), (Mixes, "_alone")])
def test_a_model_that_cannot_go_on_is_asked_with_whole_rows_and_alone_where_rows_mix(cls, way):
    model, family = of(cls), causal.family()
    with torch.no_grad():
        assert choosing._way(model, family, *tokens(family)) is getattr(choosing, way)
    found = choose(model, family, PROMPTS, LABELS)
    assert [LABELS[number] for number in found] == plain.chosen(model, family, PROMPTS, LABELS)


def test_a_method_whose_forward_takes_no_decoder_ids_is_asked_with_whole_rows():
    model, family = asked("t5", "multitask_prompt_tuning")
    with torch.no_grad():
        assert choosing._way(model, family, *tokens(family)) is choosing._in_batches
    found = choose(model, family, PROMPTS, LABELS)
    assert [LABELS[number] for number in found] == plain.chosen(model, family, PROMPTS, LABELS)


def test_without_others_each_pair_is_alone():
    model, family = asked("llama")
    shapes = passes(model.model)
    choose(model, family, PROMPTS[:2], LABELS, together=False)
    assert [rows for rows, _ in shapes] == [1] * (2 * len(LABELS))


def test_a_trial_has_the_longest_label_and_the_two_with_the_longest_common_beginning():
    labels = [[5, 6, 7, END], [9, 9, 9, 9, 9, END], [5, 6, 8, END], [8, END], [5, 9, END]]
    assert choosing._telling(labels) == [labels[0], labels[2], labels[1]]
    assert choosing._telling([[5, END]]) == [[5, END]]


# Methods


def test_few_shot_chooses_after_its_examples():
    method, model = causal.built(CLASSES["few_shot"], "llama", 0.0)
    shown = "".join(f"{prompt}{target}\n\n" for prompt, target in toy.examples()[:2])
    asked_with = [shown + prompt for prompt in PROMPTS[:3]]
    assert method.choose(model, PROMPTS[:3], LABELS) == plain.chosen(model, causal.family(), asked_with, LABELS)
    expected = [plain.alone(model, causal.family(), prompt, "Bread.")[0] for prompt in asked_with]
    found = [-each.nats for each in method.likelihoods(model, PROMPTS[:3], ["Bread."] * 3)]
    assert found == pytest.approx(expected, abs=1e-4)


def test_lily_has_the_answers_of_pairs_that_are_alone():
    method, model = causal.built(CLASSES["lily"], "llama", 0.5)
    assert method.choose(model, PROMPTS[:2], LABELS) == plain.chosen(model, causal.family(), PROMPTS[:2], LABELS)


def test_a_learned_prefix_is_put_right_before_a_loaded_model_chooses():
    trial = contracts.shaken(CLASSES["prefix_tuning"], 0.5)
    expected = trial.method.choose(trial.model, PROMPTS, LABELS)
    del trial.model.get_prompt
    assert trial.method.choose(trial.model, PROMPTS, LABELS) == expected


def test_labels_for_which_there_are_no_positions_are_refused():
    model, family = asked("llama")
    with pytest.raises(Unsupported, match=r"the longest prompt with its answer may take [\d,]+ tokens, as this method"):
        choose(model, family, ["Why?"], ["No.", "Yes. " * 600])
