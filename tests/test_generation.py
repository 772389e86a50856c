"""How answers are generated comes from the suite alone, or on purpose with the checkpoint's own settings."""

import json
import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, T5ForConditionalGeneration

from harness.gate import baseline
from harness.models import base_model, generation
from harness.run import soundness
from harness.session import resume
from harness.spec.errors import ModelError
from harness.spec.record import Generation
from harness.spec.suite import Evaluation, ModelTable, TaskTable
from harness.tasks.task import prompt_of
from harness.training import decoding
from support.projects import NORMS, begin, finish, project
from support.records import changed, finished, spec
from support.sessions import SESSION

CPU = torch.device("cpu")
TALKS = (
    "#Person1#: I would like a red bicycle.\n#Person2#: That will be ten pounds.",
    "#Person1#: Two tickets to Leeds, please.\n#Person2#: I am sorry, we have none left.",
    "#Person1#: Hello.\n#Person2#: Hello.",
)
PROMPTS = [prompt_of(TaskTable(name="dialogsum")).fill(talk) for talk in TALKS]
HARMFUL = {
    "min_length": 9,
    "min_new_tokens": 9,
    "no_repeat_ngram_size": 1,
    "repetition_penalty": 5.0,
    "forced_bos_token_id": 7,
    "forced_eos_token_id": 7,
    "suppress_tokens": list(range(2, 390)),
    "num_beams": 3,
    "max_length": 2,
    "penalty_alpha": 0.6,
    "num_beam_groups": 2,
    "num_return_sequences": 3,
    "stop_strings": ["e"],
    "return_dict_in_generate": True,
    "output_attentions": True,
    "assistant_early_exit": 1,
    "prompt_lookup_num_tokens": 2,
    "cache_implementation": "no such cache",
    "max_time": 0.0,
    "do_sample": True,
    "logits_processor": "of another library",
}


def put(path, **keys):
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def load(folder, **evaluation):
    return base_model.load(ModelTable(name=str(folder)), CPU, Evaluation(max_new_tokens=12, **evaluation))


def refusal(folder, evaluation, task):
    """Why the preflight does not let this checkpoint through."""
    with pytest.raises(ModelError) as refused:
        soundness.check(base_model.load(ModelTable(name=str(folder)), CPU, evaluation), task, evaluation, str(folder))
    return str(refused.value)


def answers(base, model=None, settings=None):
    return decoding.generate(model or base.model, base.family, PROMPTS, max_new_tokens=12, settings=settings)


@pytest.fixture
def folder(tmp_path):
    """A copy of the embedded checkpoint, whose answers are sentences, without settings of its own."""
    copy = shutil.copytree(base_model.EMBEDDED, tmp_path / "checkpoint")
    settings = copy / "generation_config.json"
    own = json.loads(settings.read_text())
    settings.write_text(json.dumps({name: own[name] for name in own if name in generation.TOKEN_IDS}))
    return copy


@pytest.fixture(scope="module")
def plain():
    """What it answers without settings of its own: one answer ends early, others are longer or repeat words."""
    return answers(load(base_model.EMBEDDED))


def test_no_setting_of_the_checkpoint_changes_an_answer_or_breaks_one(folder, plain):
    put(folder / "generation_config.json", **HARMFUL)
    assert answers(load(folder)) == plain


def test_neither_does_an_old_style_one_among_the_models_own(folder, plain):
    (folder / "generation_config.json").unlink()
    put(folder / "config.json", **HARMFUL, return_dict=False)
    assert answers(load(folder)) == plain
    assert set(base_model.own_settings(ModelTable(name=str(folder)), Evaluation()).dropped) >= {*HARMFUL} - {
        "logits_processor"  # which is none that transformers would take from there
    }


def test_a_method_that_calls_the_models_own_generate_is_asked_as_the_suite_says(folder):
    put(folder / "generation_config.json", min_length=30, num_beams=3)
    base = load(folder, num_beams=2)
    settings = base.model.generation_config
    assert (settings.min_length, settings.num_beams, settings.max_new_tokens) == (None, 2, 12)
    ids = base.tokenizer(PROMPTS[:1], return_tensors="pt")["input_ids"]
    assert base.model.generate(ids).shape[1] <= 13  # with the token that answers begin with


def test_a_model_that_a_method_loads_anew_or_wraps_is_asked_like_the_others(folder, plain):
    put(folder / "generation_config.json", min_length=9, no_repeat_ngram_size=1)
    base = load(folder)
    anew = T5ForConditionalGeneration.from_pretrained(folder)
    assert answers(base, anew) != plain
    wrapped = get_peft_model(anew, LoraConfig(task_type="SEQ_2_SEQ_LM", target_modules=["q"]))
    assert answers(base, wrapped, base.model.generation_config) == plain


def test_a_new_model_of_the_same_configuration_has_no_settings_either(folder):
    put(folder / "config.json", min_length=9, min_new_tokens=9, stop_strings=["e"], output_scores=True)
    base = load(folder)
    settings = type(base.model)(base.model.config).generation_config
    assert (settings.min_length, settings.min_new_tokens, settings.stop_strings) == (None, None, None)
    assert not settings.return_dict_in_generate


def test_token_ids_of_the_checkpoint_stay(folder):
    put(folder / "generation_config.json", decoder_start_token_id=7, eos_token_id=[1, 9], min_length=3)
    settings = load(folder).model.generation_config
    assert (settings.decoder_start_token_id, settings.eos_token_id, settings.pad_token_id) == (7, [1, 9], 0)


def test_what_the_checkpoint_has_is_taken_over_on_purpose(folder, plain):
    put(folder / "generation_config.json", min_length=9, no_repeat_ngram_size=1)
    base, own = load(folder, generation="checkpoint"), T5ForConditionalGeneration.from_pretrained(folder)
    assert answers(base) == answers(base, own) != plain
    assert answers(base, own, base.model.generation_config) == answers(base)


def test_the_suite_has_its_own_length_and_beams_also_then(folder):
    put(
        folder / "generation_config.json",
        max_length=142,
        num_beams=4,
        length_penalty=2.0,
        output_scores=True,
        top_p=0.5,
    )
    own = base_model.own_settings(ModelTable(name=str(folder)), Evaluation(generation="checkpoint", num_beams=2))
    assert own == Generation(
        used={"length_penalty": 2.0}, dropped={"max_length": 142, "num_beams": 4, "output_scores": True, "top_p": 0.5}
    )
    assert generation.remark(own) == (
        "generation: with the checkpoint's own length_penalty = 2.0; "
        "without its max_length = 142, num_beams = 4, output_scores = true, top_p = 0.5"
    )


def test_what_is_dropped_is_told_and_settings_that_change_nothing_are_not(folder):
    put(folder / "generation_config.json", min_length=50, num_beams=1, temperature=1.0, suppress_tokens=list(range(90)))
    own = base_model.own_settings(ModelTable(name=str(folder)), Evaluation())
    assert own == Generation(dropped={"min_length": 50, "suppress_tokens": list(range(90))})
    assert generation.remark(own) == (
        "generation: as [evaluation] says, without the checkpoint's own min_length = 50, "
        "suppress_tokens = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1…"
    )


def test_a_language_is_used_and_recorded_unless_the_suite_selects_that_of_the_checkpoint(folder):
    put(folder / "generation_config.json", forced_bos_token_id=9, num_beams=4)
    assert generation.of(folder, Evaluation(), first=7) == Generation(
        used={"forced_bos_token_id": 7}, dropped={"forced_bos_token_id": 9, "num_beams": 4}
    )
    assert generation.of(folder, Evaluation(), first=9) == Generation(
        used={"forced_bos_token_id": 9}, dropped={"num_beams": 4}
    )
    assert generation.of(folder, Evaluation(generation="checkpoint"), first=7) == Generation(
        used={"forced_bos_token_id": 9}, dropped={"num_beams": 4}
    )


def test_a_checkpoint_without_settings_has_nothing_to_be_said(folder):
    for evaluation in (Evaluation(), Evaluation(generation="checkpoint")):
        own = base_model.own_settings(ModelTable(name=str(folder)), evaluation)
        assert (own, generation.remark(own)) == (Generation(), None)


@pytest.mark.parametrize(
    "name",
    [
        *("penalty_alpha", "num_return_sequences", "stop_strings", "assistant_early_exit", "prompt_lookup_num_tokens"),
        *("cache_implementation", "max_time", "do_sample", "logits_processor"),
    ],
)
def test_what_cannot_work_is_refused_before_any_training_with_a_remedy(name, folder, toy_task):
    """The task is of another tokenizer, which is as good to see whether there are answers."""
    put(folder / "generation_config.json", **{name: HARMFUL[name] or 1.0})
    message = refusal(folder, Evaluation(generation="checkpoint"), toy_task)
    assert 'its generation settings, selected by evaluation.generation = "checkpoint", cannot be used: ' in message
    assert message.endswith('correct its generation_config.json, or set evaluation.generation = "suite"')
    assert len(message) < 700


BEFORE_ANSWERS = {
    "repetition_penalty": 1.1,
    "no_repeat_ngram_size": 3,
    "encoder_repetition_penalty": 1.1,
    "encoder_no_repeat_ngram_size": 3,
    "bad_words_ids": [[5, 6]],
    "guidance_scale": 1.5,
    "min_length": 9,
    "forced_bos_token_id": 7,
}


@pytest.fixture
def decoder_only(tokenizer, tmp_path):
    """A checkpoint of a tiny random GPT-2."""
    sizes = {"vocab_size": 402, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 128}
    GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=1, eos_token_id=1)).save_pretrained(tmp_path / "gpt2")
    tokenizer.save_pretrained(tmp_path / "gpt2")
    return tmp_path / "gpt2"


@pytest.mark.parametrize("name", BEFORE_ANSWERS)
def test_what_would_see_the_prompt_before_an_answer_is_refused_for_decoder_only_models(name, decoder_only):
    put(decoder_only / "generation_config.json", **{name: BEFORE_ANSWERS[name]})
    with pytest.raises(ModelError, match=rf"cannot be used: {name} = .*: it (looks at|counts) the prompt as well"):
        load(decoder_only, generation="checkpoint")
    assert getattr(load(decoder_only).model.generation_config, name) is None


def test_what_sees_new_tokens_only_is_taken_over_also_from_decoder_only_models(decoder_only):
    put(decoder_only / "generation_config.json", min_new_tokens=5, suppress_tokens=[9], repetition_penalty=1.0)
    settings = load(decoder_only, generation="checkpoint").model.generation_config
    assert (settings.min_new_tokens, settings.suppress_tokens, settings.repetition_penalty) == (5, [9], None)


def test_groups_of_beams_are_refused_where_there_are_beams(folder, toy_task):
    put(folder / "generation_config.json", num_beam_groups=2)
    evaluation = Evaluation(generation="checkpoint", num_beams=2, max_new_tokens=4)
    assert "Group Beam Search requires" in refusal(folder, evaluation, toy_task)


@pytest.mark.parametrize(
    ("text", "reason"), [('{"min_length": 50,', "is not valid JSON"), ("[50]", "does not contain a JSON object")]
)
def test_a_file_that_holds_no_settings_is_not_passed_over(text, reason, folder):
    (folder / "generation_config.json").write_text(text)
    with pytest.raises(ModelError, match=rf"generation_config\.json {reason}"):
        load(folder)


def test_an_old_way_to_force_the_first_token_is_a_setting_of_today(folder):
    (folder / "generation_config.json").unlink()
    put(folder / "config.json", force_bos_token_to_be_generated=True, bos_token_id=3)
    dropped = base_model.own_settings(ModelTable(name=str(folder)), Evaluation()).dropped
    assert dropped["forced_bos_token_id"] == 3


def test_taking_it_over_is_another_question_and_leaving_it_is_none():
    same, other = spec(), spec(evaluation=Evaluation(generation="checkpoint"))
    assert "generation" not in same.model_dump()["evaluation"]
    assert same.hash != other.hash
    keys = [baseline.measured([(finished().model_copy(update={"spec": one}), {})]).row.key for one in (same, other)]
    assert [key.evaluation.get("generation") for key in keys] == [None, "checkpoint"]


def test_a_stored_run_that_was_generated_otherwise_is_not_taken_for_the_same():
    environment, known = SESSION.environment, SESSION.model_dump(include={"data_hash", "model_revision"})
    old = finished(environment=environment, **known)
    here = SESSION.model_copy(update={"generation": Generation(dropped={"min_length": 50})})
    assert resume.obstacle(old, SESSION) is None
    assert resume.obstacle(old, here) == "the generation settings taken from its base model changed"
    assert resume.obstacle(changed(old, generation=here.generation), here) is None


@pytest.mark.slow
def test_a_session_tells_and_records_what_it_dropped(folder, rows, write, tmp_path):
    put(folder / "generation_config.json", min_length=50)
    data = tmp_path / "data"
    write(data / "train.jsonl", rows[:16])
    write(data / "test.jsonl", rows[16:20])
    small = project(tmp_path / "project", data=data, model=folder, norms=NORMS)
    code, output = finish(begin(small, "-k", "zero_shot"))
    assert code == 0, output
    assert output.count("generation: as [evaluation] says, without the checkpoint's own min_length = 50") == 1
    (record,) = (json.loads(path.read_text()) for path in (small / "results/local/small/runs").glob("zero_shot-*.json"))
    assert record["provenance"]["generation"] == {"used": {}, "dropped": {"min_length": 50}}
