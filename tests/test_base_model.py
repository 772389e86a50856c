"""A base model is loaded whole, in float32, or refused with what to do about it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import T5ForConditionalGeneration
from transformers.activations import NewGELUActivation

from harness.models import base_model
from harness.spec.errors import ModelError
from harness.spec.suite import ModelTable

CPU = torch.device("cpu")


def load(folder):
    return base_model.load(ModelTable(name=str(folder)), CPU)


def revision(folder):
    return base_model.revision(ModelTable(name=str(folder)))


def test_the_activation_is_one_operation_and_the_same_function(tiny_folder):
    fused = load(tiny_folder).model
    composed = T5ForConditionalGeneration.from_pretrained(tiny_folder)
    assert not any(isinstance(module, NewGELUActivation) for module in fused.modules())
    ids = torch.arange(3, 60)[None]
    torch.testing.assert_close(fused(input_ids=ids, labels=ids).logits, composed(input_ids=ids, labels=ids).logits)


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


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def no_tokenizer(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()


def no_config(folder):
    (folder / "config.json").unlink()


def config_of_no_model(folder):
    (folder / "config.json").write_text("{}")


def config_with_words_for_numbers(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "d_model": "wide"}))


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
        no_weights,
        no_tokenizer,
        no_config,
        config_of_no_model,
        config_with_words_for_numbers,
        config_that_is_not_json,
        truncated_weights,
        weights_of_another_width,
    ],
)
def test_an_unusable_folder_is_answered_with_what_a_checkpoint_needs(damage, folder):
    damage(folder)
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert f"model '{folder}': not a usable checkpoint, which needs config.json, model.safetensors" in str(caught.value)


def test_a_name_that_cannot_be_fetched_says_what_works_without_a_network():
    with pytest.raises(ModelError) as caught:
        load("no-such-owner/no-such-model")
    assert str(caught.value) == (
        "model 'no-such-owner/no-such-model': neither a local path nor available from the hub: HF_HUB_OFFLINE=1 is set "
        "and the cache has no complete copy of it. Unset HF_HUB_OFFLINE; without the hub: --suite=embedded, or "
        "--model=DIR, or HF_HUB_OFFLINE=1 with a cache filled by `hf download no-such-owner/no-such-model`."
    )


@pytest.mark.parametrize(
    "path", ["./nothing", "/no/such", "~/nothing", "models/of/mine", "t5.safetensors", "smol.gguf"]
)
def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub(path):
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(caught.value) == f"model '{path}': no such file or folder"


def test_a_file_is_not_taken_for_the_folder_that_it_is_in(folder):
    with pytest.raises(
        ModelError, match=r"model\.safetensors': a file; choose the folder that it is in, or a GGUF file"
    ):
        load(folder / "model.safetensors")


def test_a_path_may_begin_in_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load(f"~/{folder.name}").tokenizer("#Person1#")["input_ids"] == [398, 1]


def test_the_revision_of_a_local_checkpoint_tells_its_weights_apart(folder, tiny_folder):
    tensors = load_file(folder / "model.safetensors")
    same = revision(folder)
    save_file({**tensors, "lm_head.weight": tensors["lm_head.weight"] + 1}, folder / "model.safetensors")
    assert (same, revision(folder) == same) == (revision(tiny_folder), False)


@pytest.mark.parametrize("file", ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"])
def test_it_tells_every_file_apart_that_loading_reads(file, folder, tiny_folder):
    (folder / file).write_text((folder / file).read_text() + " ")
    assert revision(folder) != revision(tiny_folder)


@pytest.mark.parametrize(
    "file", ["chat_template.jinja", "additional_chat_templates/tools.jinja", "special_tokens_map.json", "spiece.model"]
)
def test_it_tells_a_file_apart_that_is_new(file, folder, tiny_folder):
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text("{}")
    assert revision(folder) != revision(tiny_folder)


def test_it_tells_no_file_apart_that_is_not_read(folder, tiny_folder):
    (folder / "README.md").write_text("A base model.")
    (folder / "model_old.safetensors").write_bytes(b"weights that no index lists")
    (folder / "events.out").write_bytes(b"")
    assert revision(folder) == revision(tiny_folder)


def test_a_named_device_is_taken():
    assert base_model.pick_device("cpu") == CPU


def test_where_macos_reports_a_gpu_that_holds_nothing_the_cpu_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert base_model.pick_device(None) == CPU


@pytest.mark.parametrize("name", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_answered_with_one_that_is(name):
    with pytest.raises(ModelError, match=rf"--device={name}: not available here \(.+\); try --device=cpu"):
        base_model.pick_device(name)
