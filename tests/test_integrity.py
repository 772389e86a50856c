"""A base model is what its checkpoint says, whichever of T5's three layouts the checkpoint has."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSeq2SeqLM

from harness.models import integrity
from harness.spec.errors import ModelError

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
