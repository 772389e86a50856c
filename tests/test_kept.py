"""What a run keeps of its model is all that transformers or PEFT need; whether they give its answers is recorded."""

import json
import shutil
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM, set_seed

from harness.method import Setting
from harness.models import base_model
from harness.models.seq2seq import Seq2SeqFamily
from harness.run import card, kept, runner
from harness.run.script import Script, script_of
from harness.spec import registry, task_files
from harness.spec.checkpoint import Checkpoint
from harness.spec.hashing import digest_of_folder
from harness.spec.plan import Order
from harness.spec.record import Status
from harness.spec.registry import Plugin
from harness.spec.suite import Budget, Evaluation, ModelTable, TaskTable
from harness.tasks import data, prepared
from harness.tasks.reading import Reading
from harness.tasks.task import prepare, prompt_of
from harness.training import likelihood
from support import checkpoints, toy
from support.records import spec

PROMPT = prompt_of(TaskTable(name="dialogsum"))
DiskUsage = namedtuple("DiskUsage", ["total", "used", "free"])
TEMPLATE = "{{ messages[0].content }}"
CHAT = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
CHATS = {  # how a tiny Llama is asked
    "plain": (None, {}),
    "chat": (CHAT, {}),
    "chat with a system": (CHAT, {"system": 'Say it in «your» own words, in "one" line.'}),
    "template left out": (CHAT, {"chat": False}),
}
PICKLES = """
import torch
from functools import partial
from harness.method import Method

def save(model, folder):
    type(model).save_pretrained(model, folder)
    torch.save({}, folder / "extra.pt")

class Pickles(Method):
    def build(self, base):
        base.save_pretrained = partial(save, base)
        return base
"""


def keeping(folder, model, method, plugin=None, **changes):
    """A short run on a model that keeps what it trains; ``folder`` has its task."""
    asked = {"budget": Budget(max_steps=3), "evaluation": Evaluation(max_new_tokens=8), "batch_size": 8}
    return Order(
        spec=spec(method, **(asked | changes)),
        plugin=plugin or registry.discover()[method],
        model=ModelTable(name=str(model)),
        task=folder / "task",
        device="cpu",
        threads=1,
        keep=folder / "kept" / method,
    )


@pytest.fixture
def order(folder, toy_task, tmp_path, monkeypatch):
    """``order(method)``: a run on the tiny model that keeps what it trains."""
    monkeypatch.chdir(tmp_path)  # where the run leaves its working directory is undone
    prepared.save(toy_task, tmp_path / "task")
    return lambda method, plugin=None, **changes: keeping(tmp_path, folder, method, plugin, **changes)


def llama(folder, tokenizer, template):
    """A new folder with a Llama of random weights of some size, whose tokenizer ends every text."""
    sizes = {"vocab_size": 402, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512}
    set_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**sizes, **heads, bos_token_id=None, eos_token_id=1, pad_token_id=0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if template:
        (folder / "chat_template.jinja").write_text(template)
    return folder


@pytest.fixture(params=CHATS)
def causal_order(request, rows, write, tokenizer, tmp_path, monkeypatch):
    """A run of LoRA on a tiny Llama that keeps what it trains."""
    template, keys = CHATS[request.param]
    monkeypatch.chdir(tmp_path)
    folder = llama(tmp_path / "llama", tokenizer, template)
    for split, part in (("train", rows[:16]), ("test", rows[16:20])):
        write(tmp_path / "data" / f"{split}.jsonl", part)
    table = TaskTable(name="dialogsum", data=str(tmp_path / "data"), **keys)
    family = base_model.load(ModelTable(name=str(folder)), torch.device("cpu"), task=table).family
    prepared.save(prepare(table, data.load(table), family), tmp_path / "task")
    return keeping(tmp_path, folder, "lora", task=table)


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """``execute(order)``: the outcome of the run, with what it has found out about its model."""

    def run(order):
        monkeypatch.chdir(tmp_path)  # out of the folder of the last run
        scratch = tmp_path / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        outcome = runner.execute(order, scratch)
        assert outcome.record.status == Status.OK, outcome.record.error
        return outcome

    return run


def settings(folder):
    """The generation settings in a folder, as anyone reads them."""
    return GenerationConfig.from_pretrained(folder).to_diff_dict()


@pytest.mark.parametrize(
    ("method", "loader", "files"),
    [
        ("lora", "AutoPeftModelForSeq2SeqLM", {"adapter_config.json", "adapter_model.safetensors"}),
        ("full_finetune", "AutoModelForSeq2SeqLM", {"config.json", "model.safetensors"}),
    ],
)
def test_a_model_is_kept_in_the_format_of_its_library_with_all_that_it_needs(method, loader, files, order, execute):
    asked = order(method)
    found = execute(asked).record.outputs.checkpoint
    kept = {path.name for path in asked.keep.iterdir()}
    assert kept == files | {"README.md", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    size = sum(path.stat().st_size for path in asked.keep.iterdir())
    assert found == Checkpoint(hash=digest_of_folder(asked.keep), bytes=size, loader=loader, answers_equal=True)


def test_its_generation_settings_are_those_of_the_answers(order, execute, folder):
    execute(asked := order("lora"))
    kept = settings(asked.keep)
    assert (kept["max_new_tokens"], kept["num_beams"]) == (8, 1)
    assert {name: kept[name] for name in ("pad_token_id", "eos_token_id")} == {"pad_token_id": 0, "eos_token_id": 1}
    assert "max_new_tokens" not in settings(folder)


def test_an_adapter_answers_as_scored_whatever_the_generation_settings_of_its_base_are(order, execute, folder):
    path, texts = folder / "generation_config.json", {}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"repetition_penalty": 5.0}))
    for choice in ("suite", "checkpoint"):
        asked = order("lora", evaluation=Evaluation(max_new_tokens=48, generation=choice))
        outcome = execute(asked)
        assert outcome.record.outputs.checkpoint.answers_equal, outcome.record.outputs.checkpoint.reason
        assert settings(asked.keep).get("repetition_penalty") == {"suite": None, "checkpoint": 5.0}[choice]
        texts[choice] = [prediction.text for prediction in outcome.predictions]
    assert texts["suite"] != texts["checkpoint"]


def test_a_decoder_only_model_is_kept_and_answers_as_scored(causal_order, execute):
    outcome = execute(causal_order)
    found = outcome.record.outputs.checkpoint
    assert (found.loader, found.answers_equal, found.reason) == ("AutoPeftModelForCausalLM", True, None)
    assert any(prediction.text for prediction in outcome.predictions)


def chooses(order, labels):
    """The order of a run whose task is to choose among labels."""
    family = base_model.load(order.model, torch.device("cpu"), task=order.spec.task).family
    task = replace(prepared.load(order.task, family), labels=labels, chooses=True)
    prepared.save(task, order.task.with_name("choosing"))
    return replace(order, task=order.task.with_name("choosing"))


def test_a_model_whose_answers_end_at_a_text_ends_them_by_its_script(causal_order, execute):
    family = base_model.load(causal_order.model, torch.device("cpu"), task=causal_order.spec.task).family
    stop = toy.inner_letter(max((each.text for each in execute(causal_order).predictions), key=len))
    task = replace(prepared.load(causal_order.task, family), reading=Reading(stop=('*]\n"', stop)))
    prepared.save(task, causal_order.task.with_name("stopping"))
    outcome = execute(replace(causal_order, task=causal_order.task.with_name("stopping")))
    assert outcome.record.outputs.checkpoint.answers_equal, outcome.record.outputs.checkpoint.reason
    assert not any(stop in prediction.text for prediction in outcome.predictions)


LABELS = ("the blue jacket", "the morning paper", '"his" old keys', "His dictionary", "bread")


@pytest.mark.parametrize("method", ["lora", "prompt_tuning", "full_finetune"])
def test_a_model_that_has_chosen_chooses_by_its_script(method, order, execute):
    asked = chooses(order(method), LABELS)
    outcome = execute(asked)
    assert outcome.record.outputs.checkpoint.answers_equal, outcome.record.outputs.checkpoint.reason
    assert {prediction.text for prediction in outcome.predictions} <= {*LABELS}
    assert "answer = max(labels, key=likelihood)" in (asked.keep / "README.md").read_text(encoding="utf-8")


def test_a_decoder_only_model_that_has_chosen_chooses_by_its_script(causal_order, execute):
    outcome = execute(chooses(causal_order, LABELS))
    assert outcome.record.outputs.checkpoint.answers_equal, outcome.record.outputs.checkpoint.reason


ONE, OTHER = "Who speaks?\n\n{source}\n\nName:", "About {topic}:\n\n{source}\n\nLabel: "
SEVERAL = "The text is a whole prompt, because training used several."
PROMPTS = {  # of a task, with the text that its card has as an example, what this is, and a chat template
    "one column": (["Say {source} again: "], card.EXAMPLE, "Tuneoff cuts the text where", None),
    "two columns": ([OTHER], "{topic}:\n\n{source}", "The text is what it has from its first column to its last", None),
    "two prompts": ([OTHER, ONE], OTHER, SEVERAL, None),
    "in a chat": ([OTHER, ONE], OTHER, SEVERAL, CHAT.replace("message.content", "message.content | trim")),
}


@pytest.fixture(params=PROMPTS)
def prompted(request, rows, write, tokenizer, tmp_path, monkeypatch):
    """An order on a tiny Llama for a task with these prompts, the card's example, and what it says of the text.

    Every other row has no topic, so that prompts with a space at their end are mixed with others if there are two.
    """
    prompts, example, said, template = PROMPTS[request.param]
    monkeypatch.chdir(tmp_path)
    folder = llama(tmp_path / "llama", tokenizer, template)
    known = [row if number % 2 else {**row, "topic": ""} for number, row in enumerate(rows)]
    for split, part in (("train", known[:16]), ("test", known[16:20])):
        write(tmp_path / "data" / f"{split}.jsonl", part if len(prompts) > 1 else rows[:4])
    columns = {"source": "dialogue", "target": "summary", "id": "id", "topic": "topic"}
    named = {name: column for name, column in columns.items() if name != "topic" or "{topic}" in f"{prompts}"}
    table = TaskTable(name="own", data=str(tmp_path / "data"), columns=named, prompt=prompts, metrics=["rouge"])
    family = base_model.load(ModelTable(name=str(folder)), torch.device("cpu"), task=table).family
    prepared.save(prepare(table, data.load(table), family), tmp_path / "task")
    return keeping(tmp_path, folder, "lora", task=table), example, said


@pytest.mark.parametrize("choosing", [False, True], ids=["generates", "chooses"])
def test_the_script_gives_the_scored_answers_to_any_prompt_and_the_card_says_what_the_text_is(
    choosing, prompted, execute
):
    order, example, said = prompted
    asked = chooses(order, LABELS) if choosing else order
    outcome = execute(asked)
    assert outcome.record.outputs.checkpoint.answers_equal, outcome.record.outputs.checkpoint.reason
    page = (asked.keep / "README.md").read_text(encoding="utf-8")
    assert f'folder, text = ".", {json.dumps(example)}\n' in page
    assert said in page


def test_a_card_says_what_of_an_answer_was_scored():
    table = TaskTable(name="dialogsum", stop=["\n", "END"], extract="#### (.*)")
    shown = card._reading(table)
    assert shown == (
        " Only what comes before '\\n' or 'END' in an answer was scored."
        " Only what the first group of `#### (.*)` finds in an answer was scored."
    )
    assert card._reading(table.model_copy(update={"answer": "choose"})) == ""


def test_the_text_of_a_conversation_is_all_of_it(tokenizer):
    example, said, cut = card._text(
        task_files.completed(TaskTable(name="instruct")), Seq2SeqFamily(tokenizer).conversation
    )
    assert example == f"User: {card.EXAMPLE}\n\nAssistant: "
    assert (said, cut) == (card.CONVERSATION, "its longest turn")


@pytest.mark.parametrize("kind", ["t5gemma", "mbart50", "m2m100"])
def test_the_likelihood_of_the_script_is_that_of_the_choice(kind, tmp_path):
    folder = checkpoints.save(kind, tmp_path / kind, [PROMPT.fill("Why?"), *LABELS])
    base = base_model.load(ModelTable(name=str(folder)), torch.device("cpu"))
    asked = "Why not?"
    names = {"tokenizer": base.tokenizer, "model": base.model.eval(), "asked": asked}
    names["prompt"] = eval(base.family.script("asked")[0], names)
    exec(base.family.likelihood(), names)
    found = likelihood.likelihoods(base.model, base.family, [asked] * len(LABELS), LABELS)
    expected = [-each.nats / each.tokens for each in found]
    assert [names["likelihood"](label) for label in LABELS] == pytest.approx(expected, abs=1e-4)
    assert len({round(each, 3) for each in expected}) > 1


def test_the_language_that_was_chosen_for_a_tokenizer_is_kept_with_it(tmp_path):
    folder = checkpoints.save("m2m100", tmp_path / "m2m100", [PROMPT.fill("Why?"), *LABELS])
    base = base_model.load(ModelTable(name=str(folder)), torch.device("cpu"))
    (tmp_path / "kept").mkdir()
    kept._complete(tmp_path / "kept", Setting(base.family, PROMPT, max_new_tokens=4, num_beams=1, seed=0))
    again = AutoTokenizer.from_pretrained(tmp_path / "kept")
    assert again(text_target="cash")["input_ids"] == base.family.target_ids(["cash"], 99)[0][0]


def test_a_label_that_is_as_likely_but_for_rounding_is_the_answer_of_the_script_as_well(tmp_path):
    scores = {"a": -1.0, "b": -1.0005, "c": -1.01}
    asking = f"labels = {[*scores]}\nlikelihood = {scores}.get\nanswer = max(labels, key=likelihood)\n"
    loading = "import torch\nmodel = torch.nn.Linear(1, 1)\n"
    found = Script("transformers", "", loading, asking, "answer")
    answers = [("text", answer) for answer in ("a", "b", "c", "no label")]
    assert found.gives(tmp_path, answers, torch.device("cpu")) == [True, True, False, False]


@pytest.mark.slow
@pytest.mark.parametrize("causal_order", ["plain", "chat"], indirect=True)
def test_the_script_of_the_card_chooses_the_label_that_was_scored(causal_order, execute):
    outcome = execute(asked := chooses(causal_order, LABELS))
    text, complaint = answered(asked.keep, outcome.predictions[0].source)
    assert text == outcome.predictions[0].text, complaint


@pytest.mark.parametrize("causal_order", ["plain"], indirect=True)
def test_the_tokenizer_of_a_decoder_only_model_pads_prompts_on_the_left(causal_order, execute):
    execute(causal_order)
    tokenizer = AutoTokenizer.from_pretrained(causal_order.keep)
    short, long = tokenizer(["Hi.", "Hello, Ann and Bob."], padding=True)["input_ids"]
    assert (short[0], short[-1], len(short)) == (tokenizer.pad_token_id, long[-1], len(long))


def test_the_tokenizer_of_an_encoder_decoder_pads_prompts_on_the_right(order, execute):
    execute(asked := order("lora"))
    tokenizer = AutoTokenizer.from_pretrained(asked.keep)
    short, _ = tokenizer(["Hi.", "Hello, Ann and Bob."], padding=True)["input_ids"]
    assert short[-1] == tokenizer.pad_token_id


def test_its_tokenizer_has_the_chat_template_of_the_base_model(order, execute, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    execute(asked := order("lora"))
    assert AutoTokenizer.from_pretrained(asked.keep).chat_template == TEMPLATE


def test_an_adapter_names_the_folder_of_its_base_model(order, execute, folder):
    execute(asked := order("lora"))
    config = json.loads((asked.keep / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == (str(folder), None)


def test_the_embedded_model_is_named_by_its_folder():
    assert base_model.origin(ModelTable()) == ModelTable(name=str(base_model.EMBEDDED))


def test_a_folder_is_named_by_its_absolute_path(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert base_model.origin(ModelTable(name=folder.name)) == ModelTable(name=str(folder))


def test_a_model_that_its_library_cannot_use_alone_is_kept_with_the_reason(order, execute):
    asked = order("prefix_tuning")
    found = execute(asked).record.outputs.checkpoint
    assert (found.answers_equal, asked.keep.is_dir()) == (False, True)
    assert found.reason == "without the method's code, 4 of its first 4 answers differ from the scored ones"
    assert found.reason in (asked.keep / "README.md").read_text()


def test_a_model_that_is_saved_as_pickles_is_not_kept(order, execute, tmp_path):
    (tmp_path / "pickles.py").write_text(PICKLES)
    asked = order("pickles", Plugin("pickles", tmp_path / "pickles.py"))
    found = execute(asked).record.outputs.checkpoint
    assert found == Checkpoint(reason="its save_pretrained() wrote extra.pt; only weights in safetensors are kept")
    assert not asked.keep.exists()


def test_a_model_that_would_fill_the_disk_is_not_kept_and_the_run_has_its_result(order, execute, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(10**9, 10**9 - 50_000, 50_000))
    asked = order("full_finetune")
    record = execute(asked).record
    assert record.scores
    reason = "its 0.3 MB would leave no room for other runs, with 0.1 MB free"
    assert record.outputs.checkpoint == Checkpoint(reason=reason, disk_failed=True)
    assert not asked.keep.exists()


def test_where_nothing_can_be_written_the_run_has_its_result_and_the_reason(order, execute, tmp_path):
    (tmp_path / "kept").write_text("a file is in the way")
    record = execute(order("lora")).record
    assert record.scores
    assert "File exists" in record.outputs.checkpoint.reason
    assert record.outputs.checkpoint.disk_failed


def test_a_run_tells_its_result_before_its_model_is_kept(order, tmp_path):
    asked, told = order("lora"), []
    (tmp_path / "scratch").mkdir()
    final = runner.execute(asked, tmp_path / "scratch", lambda early: told.append((early, asked.keep.exists())))
    ((early, was_kept),) = told
    assert (early.record.status, early.predictions, was_kept) == (Status.OK, final.predictions, False)
    assert early.record.scores == final.record.scores
    assert early.record.outputs.checkpoint == Checkpoint(reason=runner.INTERRUPTED)
    assert final.record.outputs.checkpoint.hash == digest_of_folder(asked.keep)


def test_a_run_that_keeps_nothing_tells_its_result_once(order, tmp_path):
    told = []
    (tmp_path / "scratch").mkdir()
    runner.execute(replace(order("lora"), keep=None), tmp_path / "scratch", told.append)
    assert told == []


@pytest.mark.parametrize("method", ["zero_shot", "lead3"])
def test_a_method_that_trains_nothing_keeps_nothing(method, order, execute):
    asked = order(method)
    assert execute(asked).record.outputs.checkpoint is None
    assert not asked.keep.exists()


def test_a_run_that_is_to_keep_nothing_has_the_record_that_it_always_had(order, execute):
    outcome = execute(replace(order("lora"), keep=None))
    assert "checkpoint" not in json.loads(outcome.record.to_json())["outputs"]
    assert "keep" not in outcome.record.cost.phases


# In a process without Tuneoff


def answered(folder, source):
    """What the script of the card in a folder prints for a text, in a process of its own, and what it complains of."""
    code = (folder / "README.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    text = json.dumps(source)
    code = code.replace(json.dumps(card.EXAMPLE), text)
    assert text in code
    code += 'import sys\nassert not {"harness", "tuneoff"} & set(sys.modules)\n'
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, timeout=240)
    return done.stdout.decode("utf-8").removesuffix("\n"), done.stderr.decode("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "full_finetune", "lora_ga"])
def test_the_script_of_the_card_gives_the_answers_that_were_scored(method, order, execute):
    asked = order(method)
    outcome = execute(asked)
    text, complaint = answered(asked.keep, outcome.predictions[0].source)
    assert text == outcome.predictions[0].text, complaint
    assert len({prediction.text for prediction in outcome.predictions}) > 1


@pytest.mark.slow
def test_the_script_of_a_decoder_only_model_asks_as_the_run_did(causal_order, execute):
    outcome = execute(causal_order)
    text, complaint = answered(causal_order.keep, outcome.predictions[0].source)
    assert text == outcome.predictions[0].text, complaint
    assert any(prediction.text for prediction in outcome.predictions)


@pytest.mark.slow
def test_the_script_of_an_adapter_leaves_out_the_generation_settings_of_its_base(order, execute, folder):
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"repetition_penalty": 5.0}))
    asked = order("lora", evaluation=Evaluation(max_new_tokens=48))
    outcome = execute(asked)
    text, complaint = answered(asked.keep, outcome.predictions[0].source)
    assert text == outcome.predictions[0].text, complaint


def test_the_page_about_results_shows_the_script_of_the_card(tokenizer):
    page = (Path(__file__).parent.parent / "docs" / "results.md").read_text(encoding="utf-8")
    folder = "results/local/embedded/checkpoints/lora-seed0"
    shown = page.partition("```python\n")[2].partition("```")[0]
    script = script_of("AutoPeftModelForSeq2SeqLM", PROMPT, Seq2SeqFamily(tokenizer), ModelTable())
    assert shown == script.shown(folder, card.EXAMPLE)


def test_the_script_is_short_and_has_the_prompt_of_the_training(tokenizer):
    script = script_of("AutoModelForSeq2SeqLM", PROMPT, Seq2SeqFamily(tokenizer), ModelTable())
    lines = script.shown(".", card.EXAMPLE).splitlines()
    assert len([line for line in lines if line and " import " not in line]) <= 7
    assert '"Summarize the following conversation.\\n\\n" + text + "\\n\\nSummary: "' in "\n".join(lines)
