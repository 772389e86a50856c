"""What looks like a checkpoint but is none is refused with what to do instead."""

import shlex

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import T5ForConditionalGeneration

from harness.models import base_model
from harness.spec.errors import ModelError
from harness.spec.suite import ModelTable

CPU = torch.device("cpu")


def load(folder):
    return base_model.load(ModelTable(name=str(folder)), CPU)


def refusal(folder):
    with pytest.raises(ModelError) as refused:
        load(folder)
    return str(refused.value)


@pytest.fixture
def pickled(folder):
    """A checkpoint that has its weights in a pickle alone."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def test_pickled_weights_are_refused_with_a_command_that_converts_them(pickled, tiny_folder):
    message, _, command = refusal(pickled).partition(": python -c ")
    assert message == (
        f"model '{pickled}': its weights are pickles, which can run any code when they are read; choose a checkpoint "
        f"with safetensors, or convert this one and then choose --model={pickled}-safetensors"
    )
    (code,) = shlex.split(command)
    exec(code, {})
    converted, original = load(f"{pickled}-safetensors"), load(tiny_folder)
    assert all(
        torch.equal(converted.model.state_dict()[key], value) for key, value in original.model.state_dict().items()
    )
    assert converted.tokenizer("#Person1#")["input_ids"] == [398, 1]


def test_an_adapter_is_refused_with_the_name_of_its_base_model(tiny_folder, tmp_path):
    base = T5ForConditionalGeneration.from_pretrained(str(tiny_folder))
    get_peft_model(base, LoraConfig(target_modules=["q"])).save_pretrained(tmp_path)
    assert refusal(tmp_path) == (
        f"model '{tmp_path}': an adapter (adapter_config.json) of the model '{tiny_folder}', and not a whole model; "
        f"choose --model={tiny_folder}, or merge the adapter into it with PEFT's merge_and_unload() and save the result"
    )


@pytest.mark.parametrize("content", ["{}", "[]", "not JSON"])
def test_an_adapter_that_does_not_name_its_base_model_is_one_all_the_same(content, folder):
    (folder / "adapter_config.json").write_text(content)
    assert "an adapter (adapter_config.json) of some model, and not a whole model; choose that model" in refusal(folder)


def test_of_a_folder_of_gguf_files_one_is_to_be_chosen(tmp_path):
    for name in ("Q8_0.gguf", "Q4_1.GGUF"):
        (tmp_path / name).write_bytes(b"GGUF")
    assert refusal(tmp_path) == (
        f"model '{tmp_path}': a folder of GGUF files; choose one of them: --model={tmp_path}/Q4_1.GGUF, or "
        f"--model={tmp_path}/Q8_0.gguf"
    )
