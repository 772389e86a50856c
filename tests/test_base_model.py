"""A base model is loaded whole, in float32, or refused with what to do about it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness import base_model
from harness.errors import ModelError
from harness.suite import ModelTable

CPU = torch.device("cpu")


def load(folder):
    return base_model.load(ModelTable(name=str(folder)), CPU)


def test_a_local_folder_is_loaded_tensor_for_tensor(tiny_folder):
    base = load(tiny_folder)
    state = base.model.state_dict()
    saved = load_file(tiny_folder / "model.safetensors")
    assert {"shared.weight", "lm_head.weight"} < set(saved)
    assert all(torch.equal(state[name], tensor) for name, tensor in saved.items())
    assert base.tokenizer("#Person1#")["input_ids"] == [398, 1]


def test_a_bfloat16_checkpoint_is_loaded_as_float32(folder):
    halved = {name: tensor.bfloat16() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(halved, folder / "model.safetensors", metadata={"format": "pt"})
    model = load(folder).model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert torch.equal(model.state_dict()["lm_head.weight"], halved["lm_head.weight"].float())


def test_a_checkpoint_that_lacks_a_tensor_is_refused_by_the_tensors_name(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["decoder.block.1.layer.2.DenseReluDense.wo.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"has no tensor decoder\.block\.1\.layer\.2\.DenseReluDense\.wo\.weight"):
        load(folder)


def pickled_weights_only(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def no_tokenizer(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()


def no_config(folder):
    (folder / "config.json").unlink()


def config_of_no_model(folder):
    (folder / "config.json").write_text("{}")


def config_that_is_not_json(folder):
    (folder / "config.json").write_text("d_model = 32")


def truncated_weights(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def weights_of_another_width(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "d_ff": 96}))


@pytest.mark.parametrize(
    "damage",
    [
        pickled_weights_only,
        no_tokenizer,
        no_config,
        config_of_no_model,
        config_that_is_not_json,
        truncated_weights,
        weights_of_another_width,
    ],
)
def test_an_unusable_folder_is_answered_with_what_a_checkpoint_needs(damage, folder):
    damage(folder)
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert f"model '{folder}': not a usable checkpoint folder, which needs config.json, model.safetensors" in str(
        caught.value
    )


def test_a_name_that_cannot_be_fetched_says_what_works_without_a_network():
    with pytest.raises(ModelError) as caught:
        load("no-such-owner/no-such-model")
    assert "model 'no-such-owner/no-such-model': neither a local folder nor to be had" in str(caught.value)
    assert "use the suite 'embedded', a local folder, or a filled cache" in str(caught.value)


def test_a_named_device_is_taken():
    assert base_model.pick_device("cpu") == CPU


@pytest.mark.parametrize("name", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_answered_with_one_that_is(name):
    with pytest.raises(ModelError, match=rf"--device {name}: not available here \(.+\); try --device cpu"):
        base_model.pick_device(name)
