"""A frozen base can be held in fewer bits; what is trained stays float32."""

import pytest
import torch

from harness.method import train_modules, train_only
from harness.models import base_model, precision
from harness.run import runner
from harness.spec import registry
from harness.spec.errors import ModelError, Unsupported
from harness.spec.plan import Order
from harness.spec.precision import arguments
from harness.spec.record import Status
from harness.spec.suite import Budget, Evaluation, ModelTable
from harness.tasks import prepared
from support.records import spec

CPU = torch.device("cpu")


@pytest.fixture
def ran(tiny_folder, toy_task, tmp_path, monkeypatch):
    """``ran(method, **numbers)``: the record of a short run on the tiny model in these numbers."""
    monkeypatch.chdir(tmp_path)
    prepared.save(toy_task, tmp_path / "task")

    def run(method, **numbers):
        table = ModelTable(name=str(tiny_folder), **numbers)
        asked = spec(
            method, model=table, budget=Budget(max_steps=3), evaluation=Evaluation(max_new_tokens=8), batch_size=8
        )
        order = Order(
            spec=asked,
            plugin=registry.discover()[method],
            model=table,
            task=tmp_path / "task",
            device="cpu",
            threads=1,
        )
        (tmp_path / method).mkdir()
        return runner.execute(order, tmp_path / method).record

    return run


def test_an_adapter_on_a_bfloat16_base_is_float32(ran):
    record = ran("lora", dtype="bfloat16")
    assert record.status in (Status.OK, Status.NO_OP), record.error
    assert record.cost.trainable_dtype == "float32"
    assert record.checks.reload_equal


@pytest.mark.parametrize("method", ["full_finetune", "bitfit"])
def test_weights_of_a_bfloat16_base_are_not_trained(method, ran):
    record = ran(method, dtype="bfloat16")
    assert record.status == Status.UNSUPPORTED
    assert "it trains weights of the base model, which are bfloat16 here" in record.error.message


class Packed(torch.nn.Module):
    """A base whose matrix is stored as integers, as by bitsandbytes, and whose embedding and norm are not."""

    def __init__(self):
        super().__init__()
        self.embedding, self.norm, self.matrix = torch.nn.Embedding(2, 4), torch.nn.LayerNorm(4), torch.nn.Module()
        self.matrix.weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.uint8), requires_grad=False)


def test_all_weights_of_a_quantised_base_cannot_be_trained_but_its_norms_can():
    assert "it trains weights of the base model, which are quantised here" in precision.refusal(Packed())
    assert precision.refusal(train_modules(Packed(), ["norm"])) is None


@pytest.mark.parametrize(
    "train", [lambda model: train_modules(model, ["matrix"]), lambda model: train_only(model, "matrix")]
)
def test_a_quantised_matrix_cannot_be_trained(train):
    with pytest.raises(Unsupported, match="which are quantised here"):
        train(Packed())


def test_the_base_is_in_the_numbers_that_the_suite_says(tiny_folder):
    base = base_model.load(ModelTable(name=str(tiny_folder), dtype="bfloat16"), CPU)
    assert {parameter.dtype for parameter in base.model.parameters()} == {torch.bfloat16}


def test_quantised_weights_need_a_package_that_the_message_names(monkeypatch):
    monkeypatch.setattr(precision, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r"needs the package no_such_package: pip install 'tuneoff\[quantization\]'"):
        precision.options(ModelTable(quantization="nf4"), CPU)


def test_the_script_of_a_kept_adapter_loads_its_base_in_the_same_numbers():
    assert arguments(ModelTable()) == 'dtype="float32"'
    assert "BitsAndBytesConfig(load_in_4bit=True" in arguments(ModelTable(quantization="nf4"))
