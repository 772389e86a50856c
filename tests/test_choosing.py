"""The label that is chosen is the likeliest of all pairs alone, though prompts and common beginnings are read once."""

import pytest
import torch
from transformers import LlamaForCausalLM

from harness.method import Unsupported
from harness.models import base_model, precision
from harness.models.seq2seq import Seq2SeqFamily
from harness.spec.errors import Diverged
from harness.spec.suite import ModelTable
from harness.training import choosing, label_tree, likelihood
from harness.training.choosing import choose
from support import causal, checkpoints, contracts, toy
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
    found = choosing._per_token(torch.tensor([[-2.0, -3.0, -9.0]]), T5, [[END], [5, END], [5, 6, END]])
    assert found.tolist() == [[-2.0, -1.5, -3.0]]


@pytest.mark.parametrize("kind", ["t5", "llama"])
def test_no_label_is_chosen_by_a_model_whose_likelihoods_are_no_numbers(kind):
    model, family = asked(kind)
    with torch.no_grad():
        model.lm_head.weight[:] = float("nan")
    with pytest.raises(Diverged, match=r"^the likelihood of a label is NaN$"):
        choose(model, family, PROMPTS, LABELS)


@pytest.mark.parametrize("kind", ["t5", "llama", "mistral"])
def test_labels_of_which_others_are_a_beginning_are_told_from_these(kind):
    model, family = asked(kind)
    labels = ["a card", "a card payment", "a card payment abroad", "a"]
    tokens = family.target_ids(labels, 99)[0]
    assert all(ids[:-1] == tokens[2][: len(ids) - 1] for ids in tokens)
    found = [labels[number] for number in choose(model, family, PROMPTS, labels)]
    assert found == plain.chosen(model, family, PROMPTS, labels)


# Languages


TEXTS = [*PROMPTS, *LABELS, *(text for row in toy.ROWS for text in row)]  # that vocabularies are made from


@pytest.fixture(scope="module", params=["mbart", "mbart50", "nllb"])
def multilingual(request, tmp_path_factory):
    """A model that must begin with a language, or whose targets end with it, and its family; its weights differ."""
    folder = tmp_path_factory.mktemp("languages") / request.param
    base = base_model.load(ModelTable(name=str(checkpoints.save(request.param, folder, TEXTS))), toy.CPU)
    if request.param == "mbart":
        base.model.config.decoder_start_token_id = base.tokenizer.convert_tokens_to_ids("en_XX")
    with torch.no_grad():
        for parameter in base.model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
    return base.model.eval(), base.family


def test_a_language_that_is_given_is_no_part_of_how_likely_a_label_is(multilingual):
    model, family = multilingual
    (ids,), _ = family.target_ids(["a card"], 99)
    assert len(ids[family.scored(ids)]) == len(ids) - 1
    (found,) = likelihood.likelihoods(model, family, ["Why?"], ["a card"])
    total, tokens = plain.alone(model, family, "Why?", "a card")
    assert (found.tokens, found.nats) == (tokens, pytest.approx(-total, abs=1e-4))
    short = [prompt for prompt in PROMPTS if len(family.prompt_ids([prompt])[0]) < 60]
    assert len(short) > 2
    chosen = [LABELS[number] for number in choose(model, family, short, LABELS)]
    assert chosen == plain.chosen(model, family, short, LABELS)


def test_a_multilingual_models_prompts_are_read_once_as_well(multilingual):
    model, family = multilingual
    sources, targets = family.prompt_ids(["Why?", "Who is that?"]), family.target_ids(LABELS, 99)[0]
    with torch.no_grad():
        alone = choosing._alone(model, family, sources, targets)
        assert (choosing._read_once(model, family, sources, targets) - alone).abs().max() < 1e-4
        assert choosing._way(model, family, sources, targets) == choosing._read_once


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


# Memory


def read_on(model, family, memory):
    memory.take([1, 0, 1])
    return family.read_on(model, memory, torch.tensor([[9], [9], [9]]))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_taken_from_a_memory_that_stays_as_it_is_and_of_which_nothing_is_copied(kind, monkeypatch):
    model, family = asked(kind)
    copied, copy = [], torch.Tensor.__deepcopy__
    monkeypatch.setattr(torch.Tensor, "__deepcopy__", lambda one, memo: copied.append(one.numel()) or copy(one, memo))
    with torch.no_grad():
        _, memory = family.read(model.eval(), [[5, 6, 7], [8, 9, END]])
        first, again = (read_on(model, family, memory.copy()) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.allclose(first[0], first[2], atol=1e-5)
    assert not torch.equal(first[0], first[1])
    assert max(copied, default=0) <= 1


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


@pytest.mark.parametrize("kind", ["t5", "llama"])
def test_lilys_labels_have_other_likelihoods_if_their_prompt_is_read_apart(kind):
    cls = CLASSES["lily"]
    model = contracts.shaken(cls, 0.5).model if kind == "t5" else causal.built(cls, kind, 0.5)[1]
    family = T5 if kind == "t5" else causal.family()
    sources, targets = tokens(family)
    with torch.no_grad():
        once, alone = (
            way(model.eval(), family, sources[:2], targets) for way in (choosing._read_once, choosing._alone)
        )
    assert (once - alone).abs().max() > 0.01


def test_a_learned_prefix_is_put_right_before_a_loaded_model_chooses():
    trial = contracts.shaken(CLASSES["prefix_tuning"], 0.5)
    expected = trial.method.choose(trial.model, PROMPTS, LABELS)
    del trial.model.get_prompt
    assert trial.method.choose(trial.model, PROMPTS, LABELS) == expected


def test_labels_for_which_there_are_no_positions_are_refused():
    model, family = asked("llama")
    with pytest.raises(Unsupported, match=r"the longest prompt with its answer may take [\d,]+ tokens, as this method"):
        choose(model, family, ["Why?"], ["No.", "Yes. " * 600])


# Few bits


def in_bfloat16(kind, cls=None):
    """A model in bfloat16, of another class if one is given, and its family."""
    model, family = asked(kind)
    model.__class__ = cls or model.__class__
    return model.to(torch.bfloat16), family


class LooksPast(LlamaForCausalLM):
    """Goes on with what it has read, but as if there were one token more."""

    def forward(self, input_ids, *args, past_key_values=None, **given):
        past = 0 if past_key_values is None else past_key_values.get_seq_length()
        places = torch.arange(past, past + input_ids.shape[1])[None] + bool(past)
        return super().forward(input_ids, *args, past_key_values=past_key_values, position_ids=places, **given)


@pytest.mark.parametrize("kind", KINDS)
def test_rounding_to_few_bits_is_no_reason_to_read_prompts_again(kind):
    model, family = in_bfloat16(kind)
    with torch.no_grad():
        assert choosing._way(model.eval(), family, *tokens(family)) == choosing._read_once


@pytest.mark.parametrize("cls", [Misremembers, LooksPast])
def test_a_cache_that_gives_other_likelihoods_is_noticed_in_few_bits_as_well(cls):
    model, family = in_bfloat16("llama", cls)
    with torch.no_grad():
        assert choosing._way(model.eval(), family, *tokens(family)) != choosing._read_once


def test_a_model_computes_in_few_bits_if_any_of_its_weights_have_few():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    assert precision.noise(model) == precision.MAX_NOISE
    model[1].weight = torch.nn.Parameter(torch.zeros(2, dtype=torch.uint8), requires_grad=False)  # as if packed
    assert precision.noise(model) == precision.MAX_NOISE
    model[0].bfloat16()
    assert precision.noise(model) == precision.MAX_NOISE_IN_FEW_BITS
