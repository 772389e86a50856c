"""Every method keeps the contract, and the published parameter counts come out."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations, islice
from multiprocessing import get_context

import pytest
import torch
from peft import PeftModel
from reloading import CPU, answers, instance, load
from transformers import set_seed

from harness import checkpoint, registry, shapes
from harness.budget import Batches
from harness.method import Bound, Unsupported
from harness.suite import Budget
from harness.task import collate

PLUGINS = registry.discover()
CLASSES = {name: registry.load(plugin, {}) for name, plugin in PLUGINS.items()}
UNATTACHABLE = {  # to a T5 on the CPU, with a word of the reason
    "adaption_prompt": "LLaMA",
    "boft": "CUDA GPU",
    "cpt": "causal",
    "shadow": "decoder-only",
    "xlora": "trained before",
} | ({} if find_spec("sklearn") else {"adamss": "scikit-learn"})
TRAINED = [name for name, cls in CLASSES.items() if cls.trains and name not in UNATTACHABLE]
UNTRAINED = [name for name, cls in CLASSES.items() if not cls.trains and not issubclass(cls, Bound)]
STEPS = 16


@dataclass(frozen=True)
class Trial:
    """A method that was built and trained on the toy task, with what was seen before and after."""

    model: torch.nn.Module
    batches: Batches
    started: dict[str, torch.Tensor]
    losses: tuple[float, float]
    texts: list[str]


def built(name, folder, task):
    """A method and the model that it built, in the order and with the seeds of a run."""
    method, base = instance(name, folder), load(folder)
    set_seed(0)
    method.prepare(base, [*islice(task.batches(8, seed=0), 8)])
    set_seed(0)
    return method, method.build(base)


@torch.no_grad()
def loss(model, task):
    model.eval()
    return model(**next(task.batches(16, seed=0))).loss.item()


def attempt(name, folder, task):
    """Prepare, build, train and generate, seeded as a run is."""
    method, model = built(name, folder, task)
    started = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    before = loss(model, task)
    batches = Batches(task.batches(8, seed=0), Budget(max_steps=STEPS), CPU)
    set_seed(0)
    method.train(model, batches)
    texts = method.generate(model, [question.prompt for question in task.questions])
    return Trial(model, batches, started, (before, loss(model, task)), texts)


@pytest.fixture(scope="module")
def fresh_process():
    """A pool of one process that has trained nothing."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module", params=TRAINED)
def trained(request, tiny_folder, toy_task):
    """The name of each trained method with its trial; trained once for all tests."""
    return request.param, attempt(request.param, tiny_folder, toy_task)


@pytest.mark.parametrize(("name", "word"), UNATTACHABLE.items())
def test_a_method_that_cannot_attach_says_why(name, word, tiny_folder, toy_task):
    with pytest.raises(Unsupported, match=word):
        built(name, tiny_folder, toy_task)


def test_what_a_method_trains_is_float32_and_as_much_as_peft_counts(trained):
    _, trial = trained
    parameters = [parameter for parameter in trial.model.parameters() if parameter.requires_grad]
    assert {parameter.dtype for parameter in parameters} == {torch.float32}
    if isinstance(trial.model, PeftModel):
        assert trial.model.get_nb_trainable_parameters()[0] == sum(parameter.numel() for parameter in parameters)


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_reference_row_leaves_nothing_to_train(name, tiny_folder, toy_task):
    _, model = built(name, tiny_folder, toy_task)
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_loss_falls_within_the_budget(trained):
    _, trial = trained
    before, after = trial.losses
    assert after < before


def test_training_moves_only_what_may_be_trained(trained):
    _, trial = trained
    moved = {key for key, tensor in trial.model.named_parameters() if not torch.equal(tensor, trial.started[key])}
    assert moved
    assert moved <= {key for key, tensor in trial.model.named_parameters() if tensor.requires_grad}


def test_training_spends_the_whole_budget_and_nothing_is_left(trained):
    _, trial = trained
    assert trial.batches.used.steps == STEPS
    assert list(trial.batches) == []


def test_the_same_seed_gives_the_same_weights_and_texts(trained, tiny_folder, toy_task):
    name, trial = trained
    again = attempt(name, tiny_folder, toy_task)
    assert again.losses == trial.losses
    assert again.texts == trial.texts


def test_a_trained_method_answers_each_prompt_with_one_string(trained, toy_task):
    _, trial = trained
    assert [type(text) for text in trial.texts] == [str] * len(toy_task.questions)


def test_what_is_saved_gives_the_same_texts_in_a_fresh_process(trained, fresh_process, tiny_folder, toy_task, tmp_path):
    name, trial = trained
    checkpoint.save(trial.model, tmp_path)
    prompts = [question.prompt for question in toy_task.questions]
    assert fresh_process.submit(answers, name, tmp_path, tiny_folder, prompts).result() == trial.texts


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_reference_row_answers_each_prompt_with_one_string_and_always_the_same(name, tiny_folder, toy_task):
    prompts = [question.prompt for question in toy_task.questions]
    first, second = (
        method.generate(model, prompts) for method, model in (built(name, tiny_folder, toy_task) for _ in range(2))
    )
    assert [type(text) for text in first] == [str] * len(prompts)
    assert first == second


def test_lead3_answers_with_the_first_three_turns(tiny_folder, toy_task, rows):
    method = instance("lead3", tiny_folder)
    text = method.generate(method.build(load(tiny_folder)), [toy_task.questions[0].prompt])[0]
    assert text == " ".join(rows[16]["dialogue"].splitlines()[:3])


WIDTH, INNER, PROJECTIONS = 512, 384, 48  # of flan-t5-small: into and out of each attention's query and value
NORMS = 42 * WIDTH
LOW_RANK = PROJECTIONS * (WIDTH + INNER)  # for each rank
CACHE = 8 * 2 * INNER  # keys and values of the decoder, for each virtual token
TRAINABLE = {
    "zero_shot": 0,
    "full_finetune": 76_961_152,
    "layerwise_decay": 76_961_152,
    "bitfit": NORMS + 2 * 32 * 6,
    "ln_tuning": NORMS,
    "lm_head": 32_128 * WIDTH,
    "cross_attention": 8 * 4 * WIDTH * INNER,
    "lora": 32 * LOW_RANK,
    "dora": 32 * LOW_RANK + PROJECTIONS * INNER,
    "rslora": 32 * LOW_RANK,
    "loraplus": 32 * LOW_RANK,
    "lora_fa": 32 * PROJECTIONS * INNER,
    "lora_ga": 16 * LOW_RANK,
    "riemannian_lora": 32 * LOW_RANK,
    "velora": 32 * LOW_RANK,
    "monteclora": 32 * LOW_RANK,
    "kasa": 16 * LOW_RANK + 16 * PROJECTIONS,
    "adalora": 48 * LOW_RANK + (48 + 1) * PROJECTIONS,  # the last one is PEFT's count of ranks
    "gralora": 32 * LOW_RANK,
    "hira": 32 * LOW_RANK,
    "deft": 32 * LOW_RANK,
    "delora": 32 * LOW_RANK + PROJECTIONS,
    "loha": 2 * 16 * LOW_RANK,
    "glora": 2 * 16 * LOW_RANK,
    "poly": 4 * 8 * LOW_RANK + 4 * PROJECTIONS,
    "miss": 32 * PROJECTIONS * INNER,
    "vera": PROJECTIONS * (256 + INNER),
    "pvera": PROJECTIONS * (2 * 256 + INNER),
    "tinylora": PROJECTIONS * 64,
    "unilora": 1024,
    "fourierft": PROJECTIONS * 1000,
    "waveft": PROJECTIONS * 1000,
    "c3a": PROJECTIONS * WIDTH * INNER // 32,
    "oft": PROJECTIONS * WIDTH // 32 * (32 * 31 // 2),
    "hra": PROJECTIONS * 8 * WIDTH,
    "psoft": PROJECTIONS * (32 * 31 // 2 + 2 * 32),
    "road": PROJECTIONS * INNER,
    "beft": PROJECTIONS // 2 * INNER,
    "ia3": PROJECTIONS * INNER + 16 * 1024,
    "supertuning": PROJECTIONS * (WIDTH * INNER // 10),
    "prompt_tuning": 20 * WIDTH,
    "p_tuning": 20 * WIDTH + 3 * (WIDTH + 1) * WIDTH,
    "multitask_prompt_tuning": 20 * WIDTH + 20 + WIDTH,
    "prefix_tuning": 20 * CACHE,
    "cartridge": 19 * CACHE,
}


@pytest.mark.parametrize(("name", "elements"), TRAINABLE.items())
def test_the_trainable_parameters_of_flan_t5_small_are_as_its_formula_says(name, elements, tiny_folder):
    with torch.device("meta"):
        base = shapes.t5(**shapes.FLAN_T5_SMALL)
    assert sum(parameter.numel() for parameter in base.parameters()) == 76_961_152
    model = instance(name, tiny_folder).build(base)
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == elements


def test_random_sentences_answers_with_three_turns_in_their_order(tiny_folder, toy_task, rows):
    method = instance("random_sentences", tiny_folder)
    turns = rows[19]["dialogue"].splitlines()
    (text,) = method.generate(load(tiny_folder), [toy_task.questions[3].prompt])
    assert text in {" ".join(three) for three in combinations(turns, 3)}


def test_few_shot_shows_the_first_training_rows_as_worked_examples(tiny_folder, toy_task, rows):
    method, _ = built("few_shot", tiny_folder, toy_task)
    examples = {toy_task.prompt.fill(row["dialogue"]) + row["summary"] for row in rows[:16]}
    shown = method.examples.split("\n\n" + toy_task.prompt.before)
    assert len(shown) == 2
    assert {toy_task.prompt.before + text.removeprefix(toy_task.prompt.before).strip() for text in shown} <= examples


def test_few_shot_shows_summaries_where_the_pad_token_has_the_highest_number(tiny_folder, toy_task, rows):
    method = instance("few_shot", tiny_folder)
    method.setting.tokenizer.pad_token = method.setting.tokenizer.convert_ids_to_tokens(399)
    method.prepare(load(tiny_folder), [collate(toy_task.training[:2], pad=399)])
    assert method.examples == "".join(
        toy_task.prompt.fill(row["dialogue"]) + row["summary"] + "\n\n" for row in rows[:2]
    )


def test_every_virtual_token_of_prompt_tuning_gets_a_gradient(tiny_folder, toy_task):
    model = instance("prompt_tuning", tiny_folder).build(load(tiny_folder))
    model(**next(toy_task.batches(4, seed=0))).loss.backward()
    (prompt,) = (parameter for parameter in model.parameters() if parameter.requires_grad)
    assert prompt.grad.shape == (20, 32)
    assert prompt.grad.abs().sum(1).min() > 0
