"""A base can be frozen in fewer bits; what is trained stays float32.

The tests of quantised weights need bitsandbytes: ``pip install 'tuneoff[quantization]'``.
"""

import shutil
from functools import cache
from importlib.util import find_spec

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, LlamaConfig, LlamaForCausalLM

from harness.method import train_modules, train_only
from harness.models import base_model, families, integrity, precision
from harness.run import runner
from harness.spec import registry
from harness.spec.errors import ModelError, Unsupported
from harness.spec.plan import Order
from harness.spec.precision import arguments
from harness.spec.record import Status
from harness.spec.suite import Budget, Evaluation, ModelTable, TaskTable
from harness.tasks import data, prepared
from harness.tasks.task import prepare
from support import contracts
from support.records import spec
from support.toy import CPU, batches, copy_of_base
from support.zoo import CLASSES

BFLOAT16, NF4 = {"dtype": "bfloat16"}, {"quantization": "nf4"}
quantised = [
    pytest.mark.skipif(find_spec(precision.PACKAGE) is None, reason=f"{precision.PACKAGE} is not installed"),
    pytest.mark.filterwarnings(f"ignore:::{precision.PACKAGE}"),
]
either = pytest.mark.parametrize(
    "held", [pytest.param(BFLOAT16, id="bfloat16"), pytest.param(NF4, id="nf4", marks=quantised)]
)


@pytest.fixture(scope="module")
def llama(tokenizer, tmp_path_factory):
    """A tiny Llama whose widths can be quantised in blocks of 64."""
    folder = tmp_path_factory.mktemp("llama")
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "max_position_embeddings": 512}
    ids = {"vocab_size": 402, "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0}
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**sizes, **ids, num_attention_heads=2, num_key_value_heads=1)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def ran(rows, write, tokenizer, tmp_path, monkeypatch):
    """``ran(method, folder, **held)``: the record of a short run on the model, with this dtype and quantization.

    It trains in float32 unless ``precision`` says otherwise.
    """
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data" / "train.jsonl", rows[:16])
    write(tmp_path / "data" / "test.jsonl", rows[16:20])
    table = TaskTable(name="dialogsum", data=str(tmp_path / "data"))

    @cache
    def task(family):
        prepared.save(prepare(table, data.load(table), family(tokenizer)), tmp_path / family.name)
        return tmp_path / family.name

    def run(method, folder, precision="float32", **held):
        model = ModelTable(name=str(folder), **held)
        asked = spec(
            method,
            model=model,
            budget=Budget(max_steps=3),
            evaluation=Evaluation(max_new_tokens=8),
            batch_size=8,
            precision=precision,
        )
        order = Order(
            spec=asked,
            plugin=registry.discover()[method],
            model=model,
            task=task(families.of(model, AutoConfig.from_pretrained(folder))),
            device="cpu",
            threads=1,
        )
        (tmp_path / method).mkdir()
        return runner.execute(order, tmp_path / method).record

    return run


def load(folder, **held):
    return base_model.load(ModelTable(name=str(folder), **held), CPU).model


# What is trained


@either
def test_an_adapter_beside_a_frozen_base_is_float32(held, ran, llama):
    record = ran("lora", llama, **held)
    assert record.status == Status.OK, record.error
    assert record.cost.trainable_dtype == "float32"
    assert record.checks.largest_change > 0
    assert record.checks.frozen_unchanged
    assert record.checks.reload_equal


def test_so_is_one_beside_an_encoder_decoder(ran, tiny_folder):
    record = ran("lora", tiny_folder, **BFLOAT16)
    assert record.status == Status.OK, record.error
    assert record.cost.trainable_dtype == "float32"
    assert record.checks.reload_equal


@either
def test_an_adapter_beside_a_frozen_base_may_be_trained_in_bfloat16(held, ran, llama):
    record = ran("lora", llama, precision="bf16", **held)
    assert record.status == Status.OK, record.error
    assert (record.cost.trainable_dtype, record.environment.dtype) == ("float32", "bfloat16")
    assert record.checks.reload_equal


@pytest.mark.parametrize("method", ["adaption_prompt", "shadow"])
def test_weights_that_peft_makes_in_the_bases_dtype_are_float32_as_well(method, ran, llama):
    record = ran(method, llama, **BFLOAT16)
    assert record.status == Status.OK, record.error
    assert record.cost.trainable_dtype == "float32"
    assert record.checks.reload_equal


@either
@pytest.mark.parametrize("method", ["full_finetune", "layerwise_decay", "bitfit", "lm_head"])
def test_weights_of_a_frozen_base_are_not_trained_whatever_their_own_dtype(method, held, ran, llama):
    record = ran(method, llama, **held)
    assert record.status == Status.UNSUPPORTED
    name = ModelTable(**held).precision
    assert f"it trains weights of the base model, which are {name} here" in record.error.message


@pytest.mark.parametrize("method", ["last_layers", "decoder_only", "cross_attention"])
def test_blocks_of_a_frozen_encoder_decoder_are_not_trained_either(method, ran, tiny_folder):
    record = ran(method, tiny_folder, **BFLOAT16)
    assert record.status == Status.UNSUPPORTED
    assert "it trains weights of the base model, which are bfloat16 here" in record.error.message


class Packed(torch.nn.Module):
    """A base whose matrix is stored as integers, as by bitsandbytes, and whose embedding and norm are not."""

    def __init__(self):
        super().__init__()
        self.embedding, self.norm, self.matrix = torch.nn.Embedding(2, 4), torch.nn.LayerNorm(4), torch.nn.Module()
        self.matrix.weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.uint8), requires_grad=False)


@pytest.mark.parametrize(
    "train", [lambda model: train_modules(model, ["matrix"]), lambda model: train_only(model, "matrix")]
)
def test_a_quantised_matrix_cannot_be_trained(train):
    with pytest.raises(Unsupported, match="gradients of quantised weights"):
        train(Packed())


@pytest.mark.parametrize("method", [pytest.param(name, marks=quantised) for name in ("last_layers", "lora_ga")])
def test_a_method_that_needs_gradients_of_quantised_weights_is_unsupported(method, ran, llama):
    record = ran(method, llama, **NF4)
    assert record.status == Status.UNSUPPORTED
    assert "gradients of quantised weights of the base model (model.quantization)" in record.error.message


@pytest.mark.parametrize("name", [pytest.param(name, marks=quantised) for name in ("kasa", "monteclora")])
def test_a_variant_of_lora_that_peft_leaves_out_is_unsupported(name, ran, llama):
    record = ran(name, llama, **NF4)
    assert record.status == Status.UNSUPPORTED, record.error
    message = f"PEFT leaves out {name}_config for Linear4bit layers (model.quantization)"
    assert record.error.message == message


NEED_PLAIN_WEIGHTS = ["pissa", "mica", "corda", "velora", "hra", "supertuning", "osf", "psoft", "delora", "glora"]
WORK_ON_PACKED_ONES = ["dora", "rslora", "ia3", "hira", "oft", "road", "miss", "vera", "shira"]


@pytest.mark.parametrize("name", [pytest.param(name, marks=quantised) for name in NEED_PLAIN_WEIGHTS])
def test_methods_that_need_plain_weights_end_with_the_reason(name, ran, llama):
    record = ran(name, llama, **NF4)
    assert record.status == Status.UNSUPPORTED, record.error
    assert "(model.quantization)" in record.error.message or "Linear4bit layers" in record.error.message


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=quantised) for name in WORK_ON_PACKED_ONES])
def test_methods_for_which_peft_has_layers_of_packed_weights_run(name, ran, llama):
    record = ran(name, llama, **NF4)
    assert record.status == Status.OK, record.error
    assert record.checks.frozen_unchanged
    assert record.checks.reload_equal


def test_a_method_may_look_at_gradients_of_a_frozen_base_before_it_starts():
    base = copy_of_base().requires_grad_(False)
    contracts.instance(CLASSES["lora_ga"]).prepare(base, batches())
    found = [module._peft_loraga_grad for module in base.modules() if hasattr(module, "_peft_loraga_grad")]
    assert found
    assert all(gradient.any() for gradient in found)
    assert not any(parameter.requires_grad for parameter in base.parameters())


def test_a_module_computes_in_the_dtype_in_which_it_was_made():
    base, table = torch.nn.Linear(4, 4).bfloat16().requires_grad_(False), ModelTable(**BFLOAT16)
    added = torch.nn.Linear(4, 4).bfloat16()
    model, inputs = torch.nn.Sequential(base, added), torch.ones(1, 4).bfloat16()
    expected = model(inputs)
    precision.settle(model, set(base.parameters()), table)
    assert (added.weight.dtype, base.weight.dtype) == (torch.float32, torch.bfloat16)
    assert torch.equal(model(inputs), expected)
    model(inputs).sum().backward()
    assert added.weight.grad.dtype == torch.float32
    assert base.weight.grad is None


def test_a_method_that_leaves_a_frozen_base_alone_trains_nothing():
    base = torch.nn.Linear(4, 4).bfloat16().requires_grad_(False)
    with pytest.raises(Unsupported, match="such a base stays frozen, and only new float32 weights beside it"):
        precision.settle(base, set(base.parameters()), ModelTable(**BFLOAT16))


# How the base is loaded


@either
def test_a_base_that_is_not_float32_is_loaded_frozen(held, llama):
    assert not any(parameter.requires_grad for parameter in load(llama, **held).parameters())
    assert all(parameter.requires_grad for parameter in load(llama).parameters())


def test_the_base_has_the_dtype_that_the_suite_says(tiny_folder):
    assert {parameter.dtype for parameter in load(tiny_folder, **BFLOAT16).parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("held", [pytest.param(NF4, id="nf4", marks=quantised)])
def test_quantised_weights_are_counted_as_elements(held, llama):
    model, plain = load(llama, **held), load(llama)
    elements = sum(map(precision.elements, model.parameters()))
    assert elements == sum(map(precision.elements, plain.parameters())) == plain.num_parameters()
    assert elements > sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("held", [pytest.param(NF4, id="nf4", marks=quantised)])
def test_quantised_weights_answer_as_they_train(held, llama):
    """On a CPU with AVX512-BF16, bitsandbytes would answer in bfloat16."""
    model, ids = load(llama, **held), torch.arange(3, 40)[None]
    with torch.inference_mode():
        answering = model.eval()(ids).logits
    torch.testing.assert_close(model.train()(ids).logits, answering)
    integrity.finite(model, "mine")


@pytest.mark.parametrize("held", [pytest.param(NF4, id="nf4", marks=quantised)])
def test_quantised_weights_that_the_checkpoint_lacks_are_refused_as_well(held, llama, tmp_path):
    folder = shutil.copytree(llama, tmp_path / "llama")
    tensors, name = load_file(folder / "model.safetensors"), "model.layers.1.mlp.down_proj.weight"
    del tensors[name]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=rf"the checkpoint has no tensor {name}, which would keep random values"):
        load(folder, **held)


def test_quantised_weights_need_a_package_that_the_message_names(monkeypatch):
    monkeypatch.setattr(precision, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r"needs the package no_such_package: pip install 'tuneoff\[quantization\]'"):
        precision.options(ModelTable(**NF4), CPU)


def test_the_script_of_a_kept_adapter_loads_its_base_as_it_was_trained():
    assert arguments(ModelTable()) == 'dtype="float32"'
    assert arguments(ModelTable(**BFLOAT16)) == 'dtype="bfloat16"'
    assert arguments(ModelTable(**NF4)) == (
        'dtype="float32", quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", '
        'bnb_4bit_compute_dtype="float32")'
    )


@pytest.mark.parametrize(
    ("held", "name"),
    [({}, "float32"), (BFLOAT16, "bfloat16"), (NF4, "nf4+float32"), ({**NF4, **BFLOAT16}, "nf4+bfloat16")],
)
def test_a_precision_is_named_by_quantization_and_dtype(held, name):
    assert ModelTable(**held).precision == name
