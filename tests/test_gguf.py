"""A GGUF file is converted whole or refused with what to do; nothing beside it is read."""

import os
from pathlib import Path

import pytest
import torch

from harness.models import base_model, gguf
from harness.spec.errors import ModelError
from harness.spec.suite import ModelTable
from support.gguf import LFM2, write

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def prepared(tmp_path, monkeypatch):
    """The folder of converted files, of this test alone; the package that reads most files seems to be installed."""
    monkeypatch.setattr(gguf, "PREPARED", tmp_path / "prepared")
    monkeypatch.setattr(gguf, "PACKAGE", "torch")  # one that is; these files need none
    return tmp_path / "prepared"


def refusal(path):
    with pytest.raises(ModelError) as refused:
        base_model.load(ModelTable(name=str(path)), CPU)
    return str(refused.value)


@pytest.mark.parametrize(
    "content", [b"", b"version https://git-lfs.github.com/spec/v1\n"], ids=["nothing", "a pointer"]
)
def test_what_only_has_the_name_of_a_gguf_file_is_refused(content, tmp_path):
    path = tmp_path / "smol.gguf"
    path.write_bytes(content)
    assert refusal(path) == f"model '{path}': not a GGUF file: it does not begin with GGUF; download it again"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_is_cut_is_refused_wherever_it_is_cut(share, tmp_path, prepared):
    path = write(tmp_path / "smol.gguf", LFM2)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    message = refusal(path)
    assert message.startswith(f"model '{path}': transformers cannot convert this GGUF file (")
    assert "; download it again if it is not complete, or choose the model's own checkpoint" in message
    assert [*prepared.iterdir()] == []


def test_a_file_whose_tokenizer_transformers_cannot_make_is_refused(tmp_path):
    path = write(tmp_path / "smol.gguf", {**LFM2, "tokenizer.ggml.model": "bert"})
    assert "(ValueError: Cannot build a tokenizer from a GGUF file stating tokenizer 'bert'." in refusal(path)


def test_a_file_that_lacks_a_tensor_is_refused_since_it_would_be_random(tmp_path, prepared):
    path = write(tmp_path / "smol.gguf", LFM2)
    message = refusal(path)
    assert message.startswith(f"model '{path}': the file has no tensor ")
    assert ", which would have random values; download it again" in message
    assert [*prepared.iterdir()] == []


def test_the_package_that_reads_a_file_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "PACKAGE", "no_such_package")
    path = write(tmp_path / "smol.gguf", LFM2)
    assert refusal(path).endswith("reading a GGUF file needs a package: pip install 'tuneoff[gguf]'")


def test_a_folder_for_converted_files_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "PREPARED", Path(os.devnull) / "gguf")
    message = refusal(write(tmp_path / "smol.gguf", LFM2))
    assert f"would be kept in {os.devnull}/gguf, which cannot be written to" in message
    assert message.endswith("set HF_HOME to a writable folder")


def made(folder, content):
    """A checkpoint's folder with a file."""
    folder.mkdir()
    (folder / "model.safetensors").write_text(content)
    return folder


def test_the_folder_is_another_for_another_state_of_the_file(tmp_path):
    path = write(tmp_path / "model.gguf", LFM2)
    name = gguf.name_of(path)
    assert name.startswith("model-")
    assert gguf.name_of(path) == name
    path.write_bytes(b"GGUF, longer")
    assert gguf.name_of(path) != name


def test_so_it_is_for_another_release_of_transformers(tmp_path, monkeypatch):
    path = write(tmp_path / "model.gguf", LFM2)
    name = gguf.name_of(path)
    monkeypatch.setattr(gguf, "version", lambda _: "4.0.0")
    assert gguf.name_of(path) != name


def test_a_checkpoint_is_moved_to_its_place(tmp_path):
    gguf.put(made(tmp_path / "scratch", "mine"), tmp_path / "place")
    assert (tmp_path / "place" / "model.safetensors").read_text() == "mine"
    assert not (tmp_path / "scratch").exists()


def test_the_checkpoint_of_a_session_that_was_faster_stays(tmp_path):
    place = made(tmp_path / "place", "theirs")
    gguf.put(made(tmp_path / "scratch", "mine"), place)
    assert (place / "model.safetensors").read_text() == "theirs"


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        gguf.put(made(tmp_path / "scratch", "mine"), tmp_path / "nowhere" / "place")
