"""A model that is kept is there whole or not at all, and git never sees it."""

import subprocess

import pytest

from harness.spec.checkpoint import Checkpoint
from harness.spec.errors import StoreError
from harness.spec.hashing import digest_of_folder
from harness.store.results import Store
from support.records import finished, spec


@pytest.fixture
def made(store):
    """``made(content)``: a finished folder, as the process of a run leaves it."""

    def make(content="weights"):
        folder = store.scratch / "kept" / "lora-seed0"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_text(content)
        return folder

    return make


def kept(store):
    """What is in the folder of kept models, hidden files included."""
    return {path.name for path in store.trained_models.folder.iterdir()}


def record(store):
    """The record of a run whose model is kept as it is now."""
    found = Checkpoint(path="checkpoints/lora-seed0", hash=digest_of_folder(store.trained_models.of(spec())))
    return finished().keeping(found)


def test_a_model_moves_to_the_folder_of_its_run(store, made):
    assert store.trained_models.put(spec(), folder := made()) == "checkpoints/lora-seed0"
    assert (store.folder / "checkpoints" / "lora-seed0" / "model.safetensors").read_text() == "weights"
    assert not folder.exists()


def test_it_replaces_the_one_of_an_earlier_run(store, made):
    store.trained_models.put(spec(), made("old"))
    store.trained_models.put(spec(), made("new"))
    assert (store.trained_models.of(spec()) / "model.safetensors").read_text() == "new"
    assert kept(store) == {".gitignore", "lora-seed0"}


def test_git_ignores_it_wherever_the_results_are(store, made):
    store.trained_models.put(spec(), made())
    subprocess.run(["git", "init", "--quiet", str(store.folder)], check=True)
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"], cwd=store.folder, capture_output=True, text=True
    ).stdout
    assert ".lock" in listed
    assert "checkpoints" not in listed


def test_a_gitignore_of_ones_own_is_left_alone(store, made):
    store.trained_models.folder.mkdir()
    (store.trained_models.folder / ".gitignore").write_text("mine\n")
    store.trained_models.put(spec(), made())
    assert (store.trained_models.folder / ".gitignore").read_text() == "mine\n"


def test_a_removed_model_is_gone_and_removing_it_again_is_no_error(store, made):
    store.trained_models.put(spec(), made())
    store.trained_models.remove(spec())
    store.trained_models.remove(spec())
    assert kept(store) == {".gitignore"}


def test_a_model_is_there_as_long_as_none_of_its_files_changes(store, made):
    store.trained_models.put(spec(), made())
    found = record(store)
    assert store.trained_models.has(found)
    (store.trained_models.of(spec()) / "model.safetensors").write_text("other")
    assert not store.trained_models.has(found)
    store.trained_models.remove(spec())
    assert not store.trained_models.has(found)
    assert not store.trained_models.has(finished())


def test_what_a_killed_session_had_not_finished_is_deleted_by_the_next(store, made, tmp_path):
    store.trained_models.put(spec(), made())
    half = store.trained_models.folder / ".dora-seed0.123.tmp"
    half.mkdir()
    (half / "model.safetensors").touch()
    (store.trained_models.folder / "..gitignore.123.tmp").touch()
    made("not moved yet")
    store.close()
    again = Store(tmp_path, "small")
    again.open()
    again.close()
    assert kept(again) == {".gitignore", "lora-seed0"}
    assert not again.scratch.exists()


def test_a_model_that_cannot_be_moved_is_told_with_what_to_do(store, made):
    store.trained_models.folder.write_text("a file is in the way")
    with pytest.raises(
        StoreError, match=r"checkpoints: cannot be written to: .*; choose another folder with --results"
    ):
        store.trained_models.put(spec(), made())


def test_publishing_copies_the_record_and_not_the_model(store, made, tmp_path):
    store.trained_models.put(spec(), made())
    found = record(store)
    store.write_run(found, [])
    public = Store(tmp_path / "public", "small")
    public.open()
    public.take(store, [found])
    public.close()
    assert public.read_runs() == [found]
    assert not public.trained_models.folder.exists()
