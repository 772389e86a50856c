"""Encoder-decoder and decoder-only models: found by what a checkpoint says, trained and asked by their own rules."""

import json
import re
from functools import cache

import pytest
import torch
from peft import TaskType
from tokenizers import ByteLevelBPETokenizer, Tokenizer, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from transformers import (
    BartConfig,
    BertConfig,
    DistilBertConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2AudioConfig,
    RobertaConfig,
    T5Config,
    ViTConfig,
    WhisperConfig,
    set_seed,
)

from harness.catalogue.architectures import tiny
from harness.models import base_model, families
from harness.models.causal import CausalFamily
from harness.models.family import IGNORED, Encoded
from harness.models.seq2seq import Seq2SeqFamily
from harness.spec.errors import ModelError, SuiteError
from harness.spec.suite import ModelTable, TaskTable
from harness.tasks.data import Example
from harness.tasks.task import prepare, prompt_of
from harness.training.loop import micro_batches

CPU = torch.device("cpu")
TASK = TaskTable(name="dialogsum")
PROMPT = prompt_of(TASK)
END = 1  # the tiny tokenizer's
SIZES = {"llama": {"vocab_size": 402, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}}
CHAT = (
    "{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content | trim }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)

REFUSES = "{{% if {} %}}{{{{ raise_exception('{}') }}}}{{% endif %}}"


def llama():
    sizes = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512}
    return LlamaForCausalLM(LlamaConfig(**SIZES["llama"], **sizes, bos_token_id=None, eos_token_id=END, pad_token_id=0))


def gpt2():
    sizes = {"vocab_size": 402, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}
    return GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=END, eos_token_id=END))


@pytest.fixture(scope="module")
def folders(tokenizer, tmp_path_factory):
    """``folders(kind)``: a tiny decoder-only checkpoint of that kind, with random weights of some size."""

    @cache
    def made(kind):
        folder = tmp_path_factory.mktemp(kind)
        set_seed(0)
        model = {"llama": llama, "gpt2": gpt2}[kind]()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.2 * torch.randn_like(parameter)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return made


def load(folder, task=TASK, **model):
    return base_model.load(ModelTable(name=str(folder), **model), CPU, task=task)


both = pytest.mark.parametrize("kind", ["llama", "gpt2"])


# Which family


@pytest.mark.parametrize(
    ("config", "family"),
    [
        (T5Config(architectures=["T5ForConditionalGeneration"]), Seq2SeqFamily),
        (GPT2Config(architectures=["GPT2LMHeadModel"]), CausalFamily),
        (BartConfig(architectures=["BartForCausalLM"], is_encoder_decoder=False), CausalFamily),
        (BartConfig(architectures=["BartForConditionalGeneration"]), Seq2SeqFamily),
        (BartConfig(architectures=["BartModel"]), Seq2SeqFamily),
        (LlamaConfig(), CausalFamily),
        (BertConfig(is_decoder=True), CausalFamily),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_the_family_is_told_by_the_architectures_and_else_by_the_model_type(config, family):
    assert families.of(ModelTable(), config) is family


def test_the_suite_can_say_which_family_it_is():
    assert families.of(ModelTable(family="causal"), BartConfig(architectures=["BartModel"])) is CausalFamily


def test_a_family_that_cannot_be_told_is_asked_for():
    config = LlamaConfig(architectures=["SomeModel"])
    config.model_type = "some"
    with pytest.raises(
        ModelError, match=r"architectures SomeModel, model type 'some'\); .* set model\.family to \"seq2seq"
    ):
        families.of(ModelTable(name="mine"), config)


@pytest.mark.parametrize(
    "config",
    [
        ViTConfig(architectures=["ViTForImageClassification"]),
        WhisperConfig(architectures=["WhisperForConditionalGeneration"]),
        Qwen2AudioConfig(architectures=["Qwen2AudioForConditionalGeneration"]),
    ],
    ids=lambda config: config.model_type,
)
def test_a_model_that_sees_or_hears_is_of_no_family(config):
    with pytest.raises(
        ModelError, match=r"not known to be .* \(architectures \w+, model type '\w+'\); choose another one"
    ):
        families.of(ModelTable(name="mine"), config)


@pytest.mark.parametrize(
    "config",
    [BertConfig(architectures=["BertForMaskedLM"]), RobertaConfig(architectures=["RobertaModel"]), DistilBertConfig()],
    ids=lambda config: config.model_type,
)
def test_an_encoder_is_refused_as_one(config):
    with pytest.raises(
        ModelError, match=r"an encoder \(.*\), which reads texts but writes none; choose a model with a"
    ):
        families.of(ModelTable(name="mine"), config)


@both
def test_a_decoder_only_checkpoint_is_loaded_as_one(kind, folders):
    base = load(folders(kind))
    assert (base.family.name, base.family.task_type) == ("causal", TaskType.CAUSAL_LM)


# How it is trained


@both
def test_prompt_and_target_are_tokenised_apart_and_their_tokens_joined(kind, folders, tokenizer):
    family = load(folders(kind)).family
    prompt, target = "Hello, Ann", " and Bob."
    (source,), ((ids), share) = family.prompt_ids([prompt]), family.target_ids([target], 64)
    assert source == tokenizer(prompt, add_special_tokens=False)["input_ids"]
    assert (ids[0], share) == ([*tokenizer(target, add_special_tokens=False)["input_ids"], END], 0.0)
    batch = family.batch([Encoded(torch.tensor(source), torch.tensor(ids[0]))])
    assert batch["input_ids"].tolist() == [[*source, *ids[0]]]
    assert batch["labels"].tolist() == [[*[IGNORED] * len(source), *ids[0]]]


def test_a_target_that_is_cut_still_ends(folders):
    family = load(folders("llama")).family
    (ids,), share = family.target_ids(["one two three four five six"], 4)
    assert (len(ids), ids[-1], share) == (4, END, 1.0)
    with pytest.raises(SuiteError, match=r"task\.max_target_tokens: 1 leaves no room for a target"):
        family.target_ids(["one two"], 1)


def test_the_end_token_is_learned_where_it_also_fills_short_rows(folders):
    base = load(folders("gpt2"))
    assert base.family.pad == 0
    base.tokenizer.pad_token = base.tokenizer.eos_token
    try:
        rows = [
            Encoded(torch.tensor([5, 6, 7]), torch.tensor([8, END])),
            Encoded(torch.tensor([5]), torch.tensor([END])),
        ]
        batch = base.family.batch(rows)
    finally:
        base.tokenizer.pad_token = "<pad>"
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, END], [5, END, END, END, END]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]
    assert batch["labels"].tolist() == [[IGNORED] * 3 + [8, END], [IGNORED, END, *[IGNORED] * 3]]


def rows(count=6):
    draw = torch.Generator().manual_seed(0)
    return [
        Encoded(*(torch.randint(3, 400, (length,), generator=draw) for length in (3 + 5 * number % 17, 2 + number)))
        for number in range(count)
    ]


@both
def test_the_loss_is_that_of_each_target_token_after_all_tokens_before_it(kind, folders):
    base = load(folders(kind))
    losses = []
    for row in rows():
        ids = torch.cat([row.source, row.target])[None]
        logits = base.model(input_ids=ids).logits[0]
        before = len(row.source)
        losses += [cross_entropy(logits[before - 1 : -1], row.target, reduction="sum")]
    expected = sum(losses) / sum(len(row.target) for row in rows())
    loss = base.model(**base.family.batch(rows())).loss
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


@both
@pytest.mark.parametrize("size", [1, 2, 4])
def test_micro_batches_have_the_gradient_of_the_whole_batch(kind, size, folders):
    def gradient(size):
        base = load(folders(kind))
        for part, share in micro_batches(base.family.batch(rows()), size):
            (base.model(**part).loss * share).backward()
        return torch.cat([p.grad.flatten() for p in base.model.parameters() if p.grad is not None])

    assert torch.allclose(gradient(size), gradient(None), atol=1e-6)


# The space between a prompt and its target


SUMMARIES = ["They want bread.", "Ann asks for two tickets.", "#Person1# wants keys."]
SAID = ["Hello.", "#Person1#: Two tickets, please.", "#Person1#: My keys!\n#Person2#: Here."]


def split(tokenizer):
    """Rows of that text in tokens: those of their prompts, and those of their targets."""
    known = [Example(f"{n}", *pair) for n, pair in enumerate(zip(SAID, SUMMARIES, strict=True))]
    task = prepare(TASK, {"train": known, "test": known}, CausalFamily(tokenizer))
    return [(row.source.tolist(), row.target.tolist()) for row in task.training]


def test_a_plain_prompt_leaves_its_last_space_to_the_target_as_in_running_text(tokenizer):
    """The prompt ends with a colon and a space."""
    for (source, target), said, summary in zip(split(tokenizer), SAID, SUMMARIES, strict=True):
        assert [*source, *target] == tokenizer(f"{PROMPT.fill(said)}{summary}")["input_ids"]
        assert tokenizer.decode(source) == PROMPT.fill(said).removesuffix(" ")
        assert tokenizer.decode(target) == f" {summary}</s>"


def test_the_prompt_of_a_question_ends_as_that_of_a_row(tokenizer):
    family = CausalFamily(tokenizer)
    assert family.prompt_ids([PROMPT.fill(said) for said in SAID]) == [source for source, _ in split(tokenizer)]


def test_only_spaces_move_and_only_those_at_the_end(tokenizer):
    family = CausalFamily(tokenizer)
    prompts = ["Summary: ", "Summary:  ", "Summary:", "Summary: \n", " A b"]
    assert [family.trailing_space(prompt) for prompt in prompts] == [" ", "  ", "", "", ""]
    assert [tokenizer.decode(ids) for ids in family.prompt_ids(prompts)] == [
        *["Summary:"] * 3,
        "Summary: \n",
        " A b",
    ]


def spaced():
    """A tokenizer that puts a space before every text, as Llama 2's does."""
    words = Tokenizer(models.BPE(unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    words.train_from_iterator(
        [PROMPT.fill(said) for said in SAID] + SUMMARIES,
        trainers.BpeTrainer(vocab_size=200, special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def test_a_tokenizer_that_puts_a_space_before_every_text_gets_no_second_one():
    tokenizer = spaced()
    assert CausalFamily(tokenizer).trailing_space("Summary: ") == ""
    for (source, target), said, summary in zip(split(tokenizer), SAID, SUMMARIES, strict=True):
        assert [*source, *target] == [*tokenizer(f"{PROMPT.fill(said)}{summary}")["input_ids"], tokenizer.eos_token_id]


def test_a_chats_prompt_keeps_its_space(chatty):
    family = load(chatty()).family
    assert family.trailing_space("Summary: ") == ""


def test_the_tokens_of_a_row_count_once(folders):
    family = load(folders("llama")).family
    batch = family.batch(rows())
    assert family.row_tokens(batch).tolist() == [sum(row.lengths) for row in rows()]
    assert family.padded([row.lengths for row in rows()]) == batch["input_ids"].numel()


# How it is asked


PROMPTS_OF_MANY_LENGTHS = ["Hi.", "A" * 40, "Hello, Ann and Bob, how are you?", "So.", "What? " * 12]


@both
@pytest.mark.parametrize("beams", [1, 2])
def test_a_batch_is_answered_as_each_prompt_alone(kind, beams, folders):
    base = load(folders(kind))
    ids = base.family.prompt_ids(PROMPTS_OF_MANY_LENGTHS)
    options = {"max_new_tokens": 6, "num_beams": beams, "do_sample": False}
    with torch.inference_mode():
        together = base.family.answers(base.model.eval(), ids, **options).tolist()
        alone = [base.family.answers(base.model, [each], **options)[0].tolist() for each in ids]
    assert [row[: len(one)] for row, one in zip(together, alone, strict=True)] == alone


@both
def test_only_new_tokens_are_the_answer(kind, folders):
    base = load(folders(kind))
    ids = base.family.prompt_ids(["Hello, Ann."])
    whole = base.model.generate(torch.tensor(ids), max_new_tokens=5, do_sample=False)[0].tolist()
    (answer,) = base.family.answers(base.model, ids, max_new_tokens=5, do_sample=False).tolist()
    assert [*ids[0], *answer] == whole


@both
def test_a_model_that_is_trained_on_short_targets_learns_to_stop(kind, folders):
    base = load(folders(kind))
    source, target = base.family.prompt_ids(["Hello, Ann."]), base.family.target_ids(["Bye."], 8)[0]
    batch = base.family.batch([Encoded(torch.tensor(source[0]), torch.tensor(target[0]))])
    optimizer = torch.optim.AdamW(base.model.parameters(), lr=1e-2)
    for _ in range(60):
        base.model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    answer = base.family.answers(base.model, source, max_new_tokens=20, do_sample=False)
    assert answer.tolist() == target


def test_the_token_that_ends_targets_ends_answers_whatever_the_checkpoint_says(folders, tmp_path):
    folder = copied(folders("llama"), tmp_path)
    (folder / "generation_config.json").write_text('{"eos_token_id": [7, 9]}')
    assert load(folder).model.generation_config.eos_token_id == [7, 9, END]


# Chat templates


def copied(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture
def chatty(folders, tmp_path):
    """``chatty(template)``: the tiny Llama with a chat template and a token that begins a text."""

    def made(template=CHAT):
        folder = copied(folders("llama"), tmp_path)
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"bos_token": "<unk>"}))
        (folder / "chat_template.jinja").write_text(template)
        return folder

    return made


def asked(base, prompt="Hello, Ann."):
    return base.tokenizer.decode(base.family.prompt_ids([prompt])[0])


def test_a_tokenizer_with_a_chat_template_gets_the_prompt_as_a_users_turn(chatty):
    assert asked(load(chatty())) == "<unk><user>Hello, Ann.\n<assistant>"


def test_what_the_system_says_comes_first(chatty):
    task = TASK.model_copy(update={"system": "Be brief."})
    assert asked(load(chatty(), task)) == "<unk><system>Be brief.\n<user>Hello, Ann.\n<assistant>"


def test_a_template_can_be_left_out(chatty):
    assert asked(load(chatty(), TASK.model_copy(update={"chat": False}))) == "Hello, Ann."


def test_a_template_that_writes_the_date_of_today_asks_the_same_every_day(chatty):
    assert asked(load(chatty("{{ strftime_now('%d %b %Y') }}" + CHAT))).startswith("26 Jul 2024")


def test_a_model_that_may_think_first_is_asked_to_answer_at_once(chatty):
    thinks = "{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}"
    assert asked(load(chatty(CHAT + thinks))).endswith("<assistant><think></think>")


def test_what_stands_around_a_text_has_the_template_and_keeps_the_spaces_inside(chatty):
    family = load(chatty()).family
    assert family.around("Read.\n\n", "\n\nSummary: ") == ("<unk><user>Read.\n\n", "\n\nSummary:\n<assistant>")


@pytest.mark.parametrize("chat", ["auto", False])
def test_a_training_row_is_shown_as_it_was_before_it_was_put_into_tokens(chat, chatty):
    """The template would trim it, so that it cannot be found again in what the model reads."""
    family = load(chatty(), TASK.model_copy(update={"chat": chat})).family
    prompt = "Hello, Ann.\n\nSummary: "
    written = family.trailing_space(prompt) + "Bye, Bob."
    (source,), ((target,), _) = family.prompt_ids([prompt]), family.target_ids([written], 40)
    row = Encoded(torch.tensor(source), torch.tensor(target))
    assert family.shown(row, prompt, "Bye, Bob.") == (prompt, "Bye, Bob.")


def test_a_target_that_was_cut_is_shown_cut(folders):
    family = load(folders("llama")).family
    ((target,), _) = family.target_ids([" one two three four five six"], 4)
    row = Encoded(torch.tensor([5]), torch.tensor(target))
    assert family.shown(row, "Count: ", "one two three four five six") == (
        "Count: ",
        family.tokenizer.decode(target[:-1]).strip(),
    )


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ nothing.at.all }}", "UndefinedError"),
        ("{% if %}", "TemplateSyntaxError"),
        ("Hello!", "leaves out what the user says"),
    ],
    ids=["raises", "is none", "ignores"],
)
def test_a_chat_template_that_cannot_be_used_is_told_with_the_way_out(template, reason, chatty):
    with pytest.raises(ModelError, match=rf"its chat template cannot be used: .*{reason}.*set task\.chat = false"):
        load(chatty(template))


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (
            REFUSES.format("messages[0].role == 'system'", "System role not supported") + CHAT,
            "System role not supported",
        ),
        (
            "{% for each in messages if each.role == 'user' %}{{ each.content }}{% endfor %}",
            "leaves out what the system",
        ),
    ],
    ids=["refuses", "ignores"],
)
def test_a_template_that_does_not_take_what_the_system_says_is_told_with_the_way_out(template, reason, chatty):
    task = TASK.model_copy(update={"system": "Be brief."})
    with pytest.raises(
        ModelError, match=rf"its chat template cannot be used with task\.system: .*{reason}.*; leave out task\.system"
    ):
        load(chatty(template), task)
    assert "Hello, Ann." in asked(load(chatty(template)))


def test_a_template_that_refuses_one_of_the_prompts_is_told_as_well(chatty):
    family = load(chatty(REFUSES.format("messages[0].content == 'Bye.'", "No goodbyes") + CHAT)).family
    with pytest.raises(
        ModelError, match=r"its chat template cannot be used: TemplateError: No goodbyes; set task\.chat"
    ):
        family.prompt_ids(["Hello, Ann.", "Bye."])


@pytest.mark.parametrize("family", [CausalFamily, Seq2SeqFamily])
def test_what_the_system_says_needs_a_template(family, tokenizer):
    task = TASK.model_copy(update={"system": "Be brief."})
    with pytest.raises(ModelError, match=r"task\.system is for decoder-only models .*; leave out task\.system"):
        families.with_tokenizer(family, tokenizer, task, "mine")


def test_a_tokenizer_with_one_special_token_for_everything_knows_it(tmp_path):
    """OPT begins every text with the token that also ends texts and stands for what is unknown."""
    learned, special = ByteLevelBPETokenizer(), ["<s>", "<pad>", "</s>", "<unk>"]
    learned.train_from_iterator(["Hello, Ann and Bob."], vocab_size=300, special_tokens=special, show_progress=False)
    learned.save_model(str(tmp_path))
    names = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "</s>")
    settings = {"tokenizer_class": "GPT2Tokenizer", "pad_token": "<pad>", "add_bos_token": True, **names}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    tiny("opt", vocab_size=300).save_pretrained(tmp_path)
    family = load(tmp_path).family
    hello = family.tokenizer("Hello", add_special_tokens=False)["input_ids"]
    assert family.tokenizer.unk_token_id == 2
    assert family.prompt_ids(["Hello"]) == [[2, *hello]]
    assert family.target_ids(["Hello"], 64) == ([[*hello, 2]], 0.0)
    assert Seq2SeqFamily(family.tokenizer).target_ids(["Hello"], 64) == ([[*hello, 2]], 0.0)


# What cannot be trained


def test_a_pad_token_that_the_model_has_no_embedding_for_is_told(folders, tmp_path):
    folder = copied(folders("llama"), tmp_path)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token_id": 402}))
    with pytest.raises(ModelError, match="AssertionError: Padding_idx must be within num_embeddings"):
        load(folder)


def test_a_tokenizer_without_an_end_token_is_refused(folders, tmp_path):
    folder = copied(folders("llama"), tmp_path)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "eos_token"}))
    with pytest.raises(ModelError, match=r"its tokenizer has no end token, .* set \"eos_token\""):
        load(folder)


def test_a_prompt_and_its_answer_share_the_positions(folders):
    base = load(folders("llama"))
    (demand,) = base.family.demands(base.model, 300, 40)
    assert (demand.tokens, demand.part) == (340, base.model)
    assert re.search("max_source_tokens", demand.keys)
