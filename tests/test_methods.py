"""Every method keeps the contract, and the published parameter counts come out."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch
from peft import PeftModel

from harness.catalogue import shapes
from harness.method import Unsupported
from harness.run import checkpoint
from support import contracts, toy
from support.reloading import answers, instance
from support.zoo import CLASSES, TRAINED, UNATTACHABLE, trained


@pytest.fixture(scope="module")
def fresh_process():
    """A pool of one process that has trained nothing."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize(("name", "word"), UNATTACHABLE.items())
def test_a_method_that_cannot_attach_says_why(name, word):
    with pytest.raises(Unsupported, match=word):
        contracts.built(CLASSES[name])


@pytest.mark.parametrize("name", TRAINED)
def test_a_peft_method_is_told_the_kind_of_its_base_model(name):
    configs = getattr(trained(name).model, "peft_config", {}).values()
    assert {config.task_type for config in configs} <= {"SEQ_2_SEQ_LM"}


@pytest.mark.parametrize("name", TRAINED)
def test_what_is_saved_gives_the_same_texts_in_a_fresh_process(name, fresh_process, tmp_path):
    trial, prompts = trained(name), toy.prompts()[:4]
    checkpoint.save(trial.model, tmp_path)
    texts = instance(name, toy.checkpoint()).generate(trial.model, prompts)
    assert fresh_process.submit(answers, name, tmp_path, toy.checkpoint(), prompts).result() == texts


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
def test_the_trainable_parameters_of_flan_t5_small_are_as_its_formula_says(name, elements):
    with torch.device("meta"):
        base = shapes.t5(**shapes.FLAN_T5_SMALL)
    assert sum(parameter.numel() for parameter in base.parameters()) == 76_961_152
    model = instance(name, toy.checkpoint()).build(base)
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == elements
    if isinstance(model, PeftModel):
        assert model.get_nb_trainable_parameters()[0] == elements
