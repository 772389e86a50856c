"""What every run of a suite would meet is found before the first of them, with what to do about it."""

import json
import os
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertLMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Tokenizer,
)

from harness.models import base_model
from harness.models.base_model import Base
from harness.models.causal import CausalFamily
from harness.models.seq2seq import Seq2SeqFamily
from harness.run import soundness
from harness.spec.errors import ModelError
from harness.spec.suite import Evaluation, ModelTable, TaskTable
from harness.tasks import data
from harness.tasks.task import prepare
from support import contracts
from support.projects import NORMS, begin, finish, project
from support.zoo import CLASSES

SUITES = Evaluation(max_new_tokens=8)


def edit(path, *without, **keys):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in {**content, **keys}.items() if key not in without}))


def load(folder):
    return base_model.load(ModelTable(name=str(folder)), torch.device("cpu"), SUITES)


def remarks(folder, task, evaluation=SUITES):
    return soundness.check(load(folder), task, evaluation, "mine")


def refusal(folder, task, evaluation=SUITES):
    with pytest.raises(ModelError) as refused:
        remarks(folder, task, evaluation)
    return str(refused.value)


@pytest.fixture
def bart(tokenizer, tmp_path):
    """A random BART with eighty positions for prompts and for answers."""
    torch.manual_seed(0)
    sizes = dict.fromkeys(("encoder_layers", "decoder_layers"), 1) | dict.fromkeys(
        ("encoder_attention_heads", "decoder_attention_heads"), 2
    )
    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1, "decoder_start_token_id": 1}
    config = BartConfig(
        vocab_size=400, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=80, **sizes, **ids
    )
    BartForConditionalGeneration(config).save_pretrained(tmp_path / "bart")
    tokenizer.save_pretrained(tmp_path / "bart")
    return tmp_path / "bart"


@pytest.fixture
def task(rows, write, tokenizer, tmp_path):
    """``task(family, **limits)``: sixteen training rows and four test dialogues, cut to these limits."""
    write(tmp_path / "data" / "train.jsonl", rows[:16])
    write(tmp_path / "data" / "test.jsonl", rows[16:20])

    def prepared(family=None, **limits):
        table = TaskTable(name="dialogsum", data=str(tmp_path / "data"), **limits)
        return prepare(table, data.load(table), family or Seq2SeqFamily(tokenizer))

    return prepared


def test_a_sound_model_passes_and_nothing_is_to_be_said(tiny_folder, toy_task):
    assert remarks(tiny_folder, toy_task) == []


def test_without_a_pad_token_the_end_token_serves_and_is_told(folder, toy_task):
    edit(folder / "tokenizer_config.json", "pad_token")
    assert remarks(folder, toy_task) == ["short rows are padded with the end token '</s>'"]
    base = load(folder)
    assert base.tokenizer(["a", "a b c"], padding=True)["input_ids"][0][-1] == base.tokenizer.eos_token_id
    assert base.model.generation_config.pad_token_id in base.tokenizer.all_special_ids


def test_the_same_is_told_of_a_tokenizer_that_names_the_end_token_as_its_pad_token(folder, toy_task):
    edit(folder / "tokenizer_config.json", pad_token="</s>")
    assert remarks(folder, toy_task) == ["short rows are padded with the end token '</s>'"]


def test_a_tokenizer_with_neither_is_refused(folder):
    edit(folder / "tokenizer_config.json", "pad_token", "eos_token")
    with pytest.raises(ModelError, match=r"neither a pad token nor an end token .* \"pad_token\" in its tokenizer_"):
        load(folder)


def test_a_pad_token_that_only_the_tokenizer_names_is_the_models_as_well(folder, toy_task):
    edit(folder / "config.json", pad_token_id=None)
    edit(folder / "generation_config.json", "pad_token_id")
    model = load(folder).model
    assert (model.config.pad_token_id, model.generation_config.pad_token_id) == (0, 0)
    assert remarks(folder, toy_task) == []


def test_a_model_that_does_not_know_how_answers_begin_is_refused(folder):
    for name in ("config.json", "generation_config.json"):
        edit(folder / name, "decoder_start_token_id")
    with pytest.raises(ModelError, match=r"no decoder_start_token_id, .*; add it to its config\.json"):
        load(folder)


def test_without_such_a_token_answers_begin_with_the_one_that_texts_begin_with(folder, toy_task):
    for name in ("config.json", "generation_config.json"):
        edit(folder / name, "decoder_start_token_id", bos_token_id=2)
    model = load(folder).model
    assert (model.config.decoder_start_token_id, model.generation_config.decoder_start_token_id) == (2, 2)
    assert remarks(folder, toy_task) == []


def test_a_model_that_answers_with_another_start_token_than_it_is_trained_with_is_refused(folder, toy_task):
    edit(folder / "generation_config.json", decoder_start_token_id=1)
    assert refusal(folder, toy_task) == (
        "model 'mine': training begins a target with '<pad>', but answers begin with '</s>'; set "
        "decoder_start_token_id to 0 in its config.json, and in its generation_config.json if it has one"
    )


def test_a_model_that_ends_its_answers_with_another_token_than_its_targets_is_refused(folder, toy_task):
    for name in ("config.json", "generation_config.json"):
        edit(folder / name, eos_token_id=7)
    assert refusal(folder, toy_task) == (
        "model 'mine': training ends a target with '</s>', which ends no answer, so it cannot learn to stop; set "
        "eos_token_id in its config.json, and in its generation_config.json if it has one"
    )
    for name in ("config.json", "generation_config.json"):
        edit(folder / name, eos_token_id=[7, 1])
    assert remarks(folder, toy_task) == []


def test_a_start_token_that_only_the_generation_settings_name_is_trained_with_as_well(folder, toy_task):
    edit(folder / "config.json", "decoder_start_token_id")
    assert load(folder).model.config.decoder_start_token_id == 0
    assert remarks(folder, toy_task) == []


def test_a_vocabulary_that_is_smaller_than_the_tokenizers_is_refused(folder, toy_task):
    load(folder)  # as it should be
    tensors = load_file(folder / "model.safetensors")
    small = {name: tensors[name][:300].clone() for name in ("shared.weight", "lm_head.weight")}
    save_file({**tensors, **small}, folder / "model.safetensors", metadata={"format": "pt"})
    edit(folder / "config.json", vocab_size=300)
    message = refusal(folder, toy_task)
    assert message.startswith("model 'mine': its tokenizer uses token 39")
    assert "but the model has only 300 tokens; use the tokenizer that belongs to the model" in message


def test_tokens_that_the_model_does_not_know_and_nobody_uses_are_told(folder, toy_task):
    tokenizer = load(folder).tokenizer
    tokenizer.add_tokens(["<never>", "<ever>"])
    tokenizer.save_pretrained(folder)
    assert remarks(folder, toy_task) == [
        "the tokenizer has 2 tokens that the model does not know; none of them occurs in these rows"
    ]


SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SIZES |= {"vocab_size": 400, "pad_token_id": 0}


def llama(tokenizer):
    model = LlamaForCausalLM(LlamaConfig(**SIZES, bos_token_id=None, eos_token_id=1)).eval()
    return Base(model, CausalFamily(tokenizer))


def test_a_sound_decoder_only_model_passes_as_well(task, tokenizer):
    base = llama(tokenizer)
    assert soundness.check(base, task(base.family), SUITES, "mine") == []


def ascii_llama():
    """A model whose tokenizer knows printable ASCII only."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), ("\u2581", -1.0)]
    return llama(T5Tokenizer(vocab=[*special, *((chr(code), -2.0) for code in range(33, 127))], extra_ids=0))


def test_targets_that_the_tokenizer_cannot_write_are_told_with_their_number(write, tmp_path):
    base, path = ascii_llama(), tmp_path / "rows.jsonl"
    write(path, [{"question": f"Q{n}", "answer": "hora" if n % 4 else "řeka"} for n in range(20)])
    table = TaskTable(name="answer", data=str(path))
    asked = prepare(table, data.load(table), base.family)
    (told,) = soundness.check(base, asked, SUITES, "mine")
    assert told.startswith("the tokenizer cannot write 4 of the 18 training targets and labels (one reads as ")
    assert "<unk>" in told
    assert told.endswith("), so no generated answer can equal them")


@pytest.mark.parametrize(("others", "refused"), [(99, False), (98, True)])
def test_the_likelihood_of_references_that_it_cannot_write_is_refused(others, refused, task):
    base = ascii_llama()
    written, _ = base.family.target_ids(["řeka", *["hora"] * others], 99)
    asked = task(base.family)
    if not refused:
        assert soundness.check(base, asked, SUITES, "mine", written) == soundness.check(base, asked, SUITES, "mine")
        return
    with pytest.raises(ModelError, match=r"its tokenizer cannot write 1 of 99 references .* that of '<unk>'; choose"):
        soundness.check(base, asked, SUITES, "mine", written)


def test_where_answers_are_chosen_nothing_longer_than_a_label_needs_positions(bart, task):
    asked = replace(task(max_source_tokens=60), labels=("yes", "no"), chooses=True)
    assert remarks(bart, asked, Evaluation(max_new_tokens=200)) == []
    assert "the longest answer may take" in refusal(bart, replace(asked, chooses=False), Evaluation(max_new_tokens=200))


def test_an_end_token_that_the_model_does_not_know_occurs_in_every_row_and_is_refused(task, tokenizer):
    talks = deepcopy(tokenizer)
    talks.add_special_tokens({"eos_token": "<|im_end|>"})
    base = llama(talks)
    with pytest.raises(ModelError, match=r"uses token 400 \('<\|im_end\|>'\), but the model has only 400 tokens"):
        soundness.check(base, task(base.family), SUITES, "mine")


def test_a_model_that_reads_what_it_is_to_write_is_refused(task, tokenizer):
    torch.manual_seed(0)
    base = Base(BertLMHeadModel(BertConfig(**SIZES, initializer_range=0.5)).eval(), CausalFamily(tokenizer))
    with pytest.raises(ModelError, match="what it predicts depends on the tokens that follow, as in an encoder"):
        soundness.check(base, task(base.family), SUITES, "mine")


def test_prompts_that_are_longer_than_the_positions_are_refused_with_the_limit_that_works(bart, task):
    message = refusal(bart, task())
    assert message.startswith("model 'mine': its encoder has 80 positions, but the longest prompt may take ")
    assert message.endswith(" tokens; set task.max_source_tokens to at most 80")
    assert remarks(bart, task(max_source_tokens=80)) == []


@pytest.mark.parametrize(("name", "where"), [("prompt_tuning", "encoder"), ("prefix_tuning", "decoder")])
def test_what_a_method_puts_in_front_of_prompts_or_answers_needs_positions_as_well(name, where, bart, task):
    """Prompts of at most 60 tokens and answers of 60, in a model of 80 positions for either."""
    base, limited, evaluation = load(bart), task(max_source_tokens=60), Evaluation(max_new_tokens=60)
    asked = base.family.prompt_ids([question.prompt for question in limited.questions])
    prompts = max(map(len, [*asked, *(row.source for row in limited.training)]))
    left = 80 - {"encoder": prompts, "decoder": 60}[where]

    def reason(tokens):
        cls = contracts.having(CLASSES[name], virtual_tokens=tokens)
        model = contracts.instance(cls, family=base.family).build(deepcopy(base.model))
        return soundness.too_long(model, limited, evaluation)

    assert reason(left) is None
    what = {"encoder": "prompt", "decoder": "answer"}[where]
    assert reason(left + 1) == (
        f"the base model's {where} has 80 positions, but the longest {what} may take 81 tokens, "
        f"with the {left + 1} that this method puts in front"
    )


def test_a_method_that_puts_nothing_in_front_is_asked_nothing(bart, task):
    """Not even where the base itself would not do, which the check of the base has told."""
    assert soundness.too_long(load(bart).model, task(), SUITES) is None


def test_so_are_answers(bart, task):
    message = refusal(bart, task(max_source_tokens=80), Evaluation(max_new_tokens=81))
    assert message == (
        "model 'mine': its decoder has 80 positions, but the longest answer may take 81 tokens; "
        "set task.max_target_tokens and evaluation.max_new_tokens to at most 80"
    )
    assert remarks(bart, task(max_source_tokens=80), Evaluation(max_new_tokens=80)) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_refused_by_its_name(value, folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.final_layer_norm.weight"][3] = value
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"encoder\.final_layer_norm\.weight has 1 values that are NaN or infinite"):
        load(folder)


def test_a_model_whose_loss_is_no_number_is_refused(folder, toy_task):
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "lm_head.weight": tensors["lm_head.weight"] * 3e38}, folder / "model.safetensors")
    assert "values that are NaN or infinite" in refusal(folder, toy_task)
    save_file({**tensors, "lm_head.weight": tensors["lm_head.weight"] * 5e37}, folder / "model.safetensors")
    assert "its loss on a training row is " in refusal(folder, toy_task)


def test_a_model_that_cannot_answer_is_refused_with_its_own_words(base, toy_task):
    base.model.encoder.forward = None
    with pytest.raises(ModelError, match=r"it cannot read a training row: TypeError: .*; choose another checkpoint"):
        soundness.check(base, toy_task, SUITES, "mine")


def test_a_device_that_holds_no_values_is_none():
    with pytest.raises(ModelError, match=r"--device=meta: not available here \(.+\); try --device=cpu"):
        base_model.pick_device("meta")


@pytest.mark.slow
def test_a_session_needs_no_home_that_can_be_written(rows, write, tiny_folder, tmp_path):
    write(tmp_path / "data" / "train.jsonl", rows[:16])
    write(tmp_path / "data" / "test.jsonl", rows[16:20])
    small = project(tmp_path / "project", data=tmp_path / "data", model=tiny_folder, norms=NORMS)
    code, output = finish(begin(small, HOME=os.devnull, HF_HOME=f"{os.devnull}/hf"))
    assert code == 0, output


def test_a_label_for_which_there_are_no_positions_is_told_before_the_first_run(bart, task):
    asked = replace(task(max_source_tokens=60), labels=("yes", "no " * 200))
    assert "its decoder has 80 positions, but the longest answer may take" in refusal(bart, asked)
