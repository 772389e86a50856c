"""What a method trained is saved as safetensors and comes back: an adapter onto a fresh base, or a whole model."""

from weakref import ref

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

from harness.run import checkpoint
from support.reloading import load


def moved(model):
    """The model, every trainable weight of which is another."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.5)
    return model


@pytest.fixture
def adapted(tiny_folder):
    return moved(get_peft_model(load(tiny_folder), LoraConfig(task_type="SEQ_2_SEQ_LM", r=2, target_modules=["q"])))


def alike(one, other):
    state = other.state_dict()
    return one.state_dict().keys() == state.keys() and all(
        torch.equal(value, state[name]) for name, value in one.state_dict().items()
    )


def test_an_adapter_comes_back_on_a_fresh_base(adapted, tiny_folder, tmp_path):
    checkpoint.save(adapted, tmp_path)
    fresh = load(tiny_folder)
    again = checkpoint.reload(adapted, tmp_path, lambda: fresh)
    assert isinstance(again, PeftModel)
    assert alike(again, adapted)
    assert again.get_base_model() is fresh


def test_of_an_adapter_its_own_weights_alone_are_saved(adapted, tmp_path):
    size = checkpoint.save(adapted, tmp_path)
    saved = load_file(tmp_path / "adapter_model.safetensors")
    trained = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    assert sum(tensor.numel() for tensor in saved.values()) == trained
    assert size == (tmp_path / "adapter_model.safetensors").stat().st_size


def test_a_whole_model_comes_back_as_one_and_not_as_the_base(tiny_folder, tmp_path):
    model, base = moved(load(tiny_folder)), load(tiny_folder)
    checkpoint.save(model, tmp_path)
    again = checkpoint.reload(model, tmp_path, lambda: base)
    assert type(again) is type(base)
    assert alike(again, model)
    assert not alike(again, base)


def test_a_whole_model_comes_back_in_the_bases_precision(tiny_folder, tmp_path):
    model = load(tiny_folder).to(torch.bfloat16)
    checkpoint.save(model, tmp_path)
    assert checkpoint.reload(model, tmp_path, lambda: load(tiny_folder)).dtype == torch.float32


def test_the_base_is_gone_when_a_whole_model_is_loaded(tiny_folder, tmp_path):
    model, kept = load(tiny_folder), []

    def fresh():
        base = load(tiny_folder)
        kept.append(ref(base))
        return base

    checkpoint.save(model, tmp_path)
    assert alike(checkpoint.reload(model, tmp_path, fresh), model)
    assert [each() for each in kept] == [None]


class Sharded:
    """A model that saves itself in several files and folders, and notes beside them."""

    def save_pretrained(self, folder):
        (folder / "inner").mkdir()
        (folder / "one.safetensors").write_bytes(bytes(100))
        (folder / "inner" / "two.safetensors").write_bytes(bytes(30))
        (folder / "config.json").write_bytes(bytes(5000))


def test_the_bytes_are_those_of_all_weights_and_of_nothing_else(tmp_path):
    assert checkpoint.save(Sharded(), tmp_path) == 130


def test_the_digest_is_of_every_weight_and_of_nothing_else(tmp_path):
    checkpoint.save(Sharded(), tmp_path)
    before = checkpoint.digest(tmp_path)
    assert len(before) == 12
    (tmp_path / "config.json").write_text("{}")
    assert checkpoint.digest(tmp_path) == before
    for name in ("inner/two", "one"):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"\1")
        assert checkpoint.digest(tmp_path) != before
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
