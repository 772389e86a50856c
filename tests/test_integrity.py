"""A base model is what its checkpoint says: every architecture's, and whichever of T5's three layouts it has."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from harness.catalogue.architectures import ALL, tiny
from harness.models import base_model, families, integrity
from harness.spec.errors import ModelError
from harness.spec.suite import ModelTable
from support.toy import CPU

SHARED, OUTPUT, DECODER = "shared.weight", "lm_head.weight", "decoder.embed_tokens.weight"


def written(folder, tensors, tied):
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config.pop("scale_decoder_outputs", None)
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": tied}))
    return AutoModelForSeq2SeqLM.from_pretrained(folder)


@pytest.fixture
def tensors(folder):
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("layout", ["tied", "untied", "decoder_and_output_only"])
def test_every_layout_loads_whole(folder, tensors, layout):
    shared, output = tensors.pop(SHARED), tensors.pop(OUTPUT)
    kept = {
        "tied": {SHARED: shared},
        "untied": {SHARED: shared, OUTPUT: output},
        "decoder_and_output_only": {DECODER: shared, OUTPUT: output},
    }[layout]
    model = written(folder, {**tensors, **kept}, tied=layout == "tied")
    integrity.verify(model, folder, str(folder))
    assert torch.equal(model.encoder.embed_tokens.weight, shared)
    assert torch.equal(model.lm_head.weight, shared if layout == "tied" else output)


def test_an_embedding_that_is_the_output_projection_is_refused_by_its_name(folder, tensors):
    tensors[DECODER] = tensors.pop(SHARED)
    model = written(folder, tensors, tied=False)
    model.shared.weight = model.lm_head.weight
    model.encoder.embed_tokens.weight = model.lm_head.weight
    with pytest.raises(ModelError, match=r"shared\.weight differs from the checkpoint"):
        integrity.verify(model, folder, str(folder))


def test_a_single_changed_element_is_found_by_its_tensors_name(folder, tensors):
    model = written(folder, tensors, tied=False)
    with torch.no_grad():
        model.decoder.final_layer_norm.weight[3] += 1e-6
    with pytest.raises(ModelError, match=r"decoder\.final_layer_norm\.weight differs from the checkpoint"):
        integrity.verify(model, folder, str(folder))


def test_a_tensor_without_a_checkpoint_would_stay_random_and_is_refused(folder, tensors):
    model = written(folder, tensors, tied=False)
    del tensors["encoder.final_layer_norm.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"no tensor encoder\.final_layer_norm\.weight"):
        integrity.verify(model, folder, str(folder))


def test_tensors_that_transformers_did_not_find_are_refused_by_the_first_of_their_names():
    integrity.complete(set(), "mine")
    with pytest.raises(ModelError, match=r"^model 'mine': the checkpoint has no tensor lm_head\.weight, which would"):
        integrity.complete({"model.norm.weight", "lm_head.weight"}, "mine")


def test_an_index_that_is_left_of_an_earlier_checkpoint_hides_no_weights(folder, tensors):
    index = {"metadata": {}, "weight_map": dict.fromkeys(tensors, "model-00001-of-00002.safetensors")}
    (folder / integrity.INDEX_FILE).write_text(json.dumps(index))
    assert integrity.weight_files(folder) == [folder / "model.safetensors"]
    assert torch.equal(base_model.load(ModelTable(name=str(folder)), CPU).model.lm_head.weight, tensors[OUTPUT])


def test_without_the_single_file_the_weights_are_those_that_an_index_lists(folder, tensors):
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"b.safetensors": names[:5], "a.safetensors": names[5:]}
    for part, own in parts.items():
        save_file({name: tensors[name] for name in own}, folder / part, metadata={"format": "pt"})
    weight_map = {name: part for part, own in parts.items() for name in own}
    (folder / integrity.INDEX_FILE).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    assert integrity.weight_files(folder) == [folder / "a.safetensors", folder / "b.safetensors"]
    assert torch.equal(base_model.load(ModelTable(name=str(folder)), CPU).model.lm_head.weight, tensors[OUTPUT])


# What transformers renames, splits or joins on loading


def loaded(folder, tokenizer):
    table = ModelTable(name=str(folder))
    family = families.of(table, AutoConfig.from_pretrained(folder))
    return base_model.load_model(table, CPU, family(tokenizer))


def saved(model, folder):
    """The model, loaded by transformers from what it saved in the folder."""
    model.save_pretrained(folder)
    return type(model).from_pretrained(folder)


def without(folder, name):
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("name", ALL)
def test_every_architecture_is_loaded_whole_from_what_it_saves(name, tokenizer, tmp_path):
    original = tiny(name)
    original.save_pretrained(tmp_path)
    found, expected = loaded(tmp_path, tokenizer).state_dict(), original.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


def test_the_output_layer_of_gpt_neox_has_another_name_in_checkpoints(tokenizer, tmp_path):
    tiny("gpt-neox").save_pretrained(tmp_path)
    assert "embed_out.weight" in load_file(tmp_path / "model.safetensors")
    without(tmp_path, "embed_out.weight")
    with pytest.raises(ModelError, match=r"the checkpoint has no tensor lm_head\.weight"):
        loaded(tmp_path, tokenizer)


def test_a_tied_output_layer_of_gpt_neox_needs_no_tensor(tokenizer, tmp_path):
    config = tiny("gpt-neox").config
    config.tie_word_embeddings = True
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    assert not {"embed_out.weight", "lm_head.weight"} & load_file(tmp_path / "model.safetensors").keys()
    model = loaded(tmp_path, tokenizer)
    assert model.lm_head.weight is model.gpt_neox.embed_in.weight


def test_the_experts_of_mixtral_are_compared_one_by_one(tmp_path):
    model = saved(tiny("mixtral"), tmp_path)
    integrity.verify(model, tmp_path, "mine")
    with torch.no_grad():
        model.model.layers[0].mlp.experts.gate_up_proj[1, 0, 0] += 1
    with pytest.raises(ModelError, match=r"layers\.0\.mlp\.experts\.1\.w1\.weight differs from the checkpoint"):
        integrity.verify(model, tmp_path, "mine")


def test_a_renamed_tensor_of_mixtral_that_is_missing_is_named(tokenizer, tmp_path):
    tiny("mixtral").save_pretrained(tmp_path)
    without(tmp_path, "model.layers.1.block_sparse_moe.gate.weight")
    with pytest.raises(ModelError, match=r"the checkpoint has no tensor model\.layers\.1\.mlp\.gate\.weight"):
        loaded(tmp_path, tokenizer)
