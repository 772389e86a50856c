"""Model and data really come over HTTP; what goes wrong there is one message, and nothing half-fetched is used."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sentencepiece
from safetensors.torch import load_file

from harness.store.results import Store
from support import checkpoints
from support.hub import Hub
from support.projects import NORMS, ROOT, begin, finish, project

MODEL, DATA = "google/flan-t5-small", "knkarthick/dialogsum"
PATIENCE = 60  # seconds, also on a busy machine; what the hub asks a client to wait for is five minutes
CARD = "---\nlicense: cc-by-nc-sa-4.0\ntask_categories:\n- summarization\n---\n# DialogSum\n"
FAULTS = {  # what passes: the cause that is named, and the remedy
    "cut": ("the download was interrupted", "Try again"),
    "short": ("was damaged and has been deleted", "Try again"),
    "limited": ("too many requests for now (429)", "Wait a few minutes, or set HF_TOKEN"),
    "down": ("the hub has an internal error (503)", "Try again later"),
    "silent": ("does not answer in time", "Try again later"),
    "forbidden": ("the hub refuses access", "Check HF_TOKEN"),
    "strange": ("does not answer like the hub", "Check HF_ENDPOINT and the network"),
}


@dataclass(frozen=True)
class Repository:
    """One on the hub, and what a process that loads it should say."""

    what: str
    key: str
    folder: Path
    content: object
    option: str  # that names a folder instead
    download: str  # what `hf download` needs beside the name

    @property
    def name(self):
        """How a suite calls it."""
        return self.key.partition("/")[2]


@pytest.fixture(scope="module")
def dialogsum(rows):
    """The splits of a data set like DialogSum, one summary a dialogue to train on and three to test on."""
    return {
        "train": [{**row, "id": f"train_{number}"} for number, row in enumerate(rows[:16])],
        "validation": [{**row, "id": f"dev_{number}"} for number, row in enumerate(rows[16:20])],
        "test": [
            {**row, "id": f"test_{number}_{person}", "summary": f"{row['summary']} They talk, {person}."}
            for number, row in enumerate(rows[20:])
            for person in (1, 2, 3)
        ],
    }


@pytest.fixture(scope="module")
def served(tiny_folder, dialogsum, write, tmp_path_factory):
    """The model's and the data's repository."""
    folder = tmp_path_factory.mktemp("dialogsum")
    for split, part in dialogsum.items():
        write(folder / f"{split}.csv", part)
    (folder / "README.md").write_text(CARD)
    rows = {split: [list(row.values())[:3] for row in part] for split, part in dialogsum.items()}
    weights = load_file(tiny_folder / "model.safetensors")["lm_head.weight"].sum(1).tolist()
    return {
        "model": Repository("model", f"models/{MODEL}", tiny_folder, [weights, [398, 1]], "--model=DIR", ""),
        "data": Repository("data", f"datasets/{DATA}", folder, rows, "--data=DIR", " --repo-type dataset"),
    }


@pytest.fixture(scope="module")
def hub(served):
    """A hub that has both."""
    hub = Hub({repository.key: repository.folder for repository in served.values()})
    yield hub
    hub.stop()


@pytest.fixture(params=["model", "data"])
def repository(request, hub, served):
    """A repository for one test alone, which no cache knows; of a model and of data in turn."""
    known = served[request.param]
    key = f"{known.key.partition('/')[0]}/owner/name-{len(hub.repositories)}"
    hub.repositories[key] = known.folder
    return replace(known, key=key)


@pytest.fixture
def no_hub(hub):
    """``no_hub()``: every connection is refused until the test is over."""
    stopped = []

    def stop():
        hub.stop()
        stopped.append(hub)

    yield stop
    for each in stopped:
        each.start()


@pytest.fixture(scope="module")
def variables(hub, tmp_path_factory):
    """The environment of a process that uses this hub, and a cache that is empty at first."""
    home = tmp_path_factory.mktemp("home") / ".cache"  # hidden, as the usual one is
    others = {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_ETAG_TIMEOUT": "1"}
    return {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), **others}


@pytest.fixture(scope="module")
def load(variables, tmp_path_factory):
    """``load(repository)``: what came of it, as in a new process; a list with several ``times``, done at once."""
    errors = tmp_path_factory.mktemp("loader") / "errors"
    command = [sys.executable, str(Path(__file__).with_name("support") / "loader.py")]
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with errors.open("w") as log, subprocess.Popen(command, env=environment, stderr=log, **pipes) as process:

        def ask(repository, revision=None, times=1, name=None):
            request = {"what": repository.what, "name": name or repository.name, "revision": revision, "times": times}
            print(json.dumps(request), file=process.stdin, flush=True)
            answers = json.loads(process.stdout.readline() or errors.read_text())
            return answers if times > 1 else answers[0]

        yield ask
        process.stdin.close()


def test_what_the_hub_has_is_loaded_and_its_commit_named(load, repository, hub):
    loaded = load(repository)
    assert loaded["content"] == repository.content
    assert loaded["revision"] == hub.commit(repository.key)


def test_data_on_the_hub_are_read_as_a_folder_is(load, served, hub, rows, write, tmp_path):
    write(tmp_path / "data" / "train-00000-of-00002.parquet", rows[:10])
    write(tmp_path / "data" / "train-00001-of-00002.parquet", rows[10:20])
    (tmp_path / "data" / "test.JSON").write_text(json.dumps(rows[20:]))
    repository = replace(served["data"], key="datasets/owner/shards")
    hub.repositories[repository.key] = tmp_path
    loaded = load(repository)["content"]
    assert loaded == {
        "train": [list(row.values())[:3] for row in rows[:20]],
        "test": [list(row.values())[:3] for row in rows[20:]],
    }
    (tmp_path / "data" / "train-00000-of-00002.parquet").unlink()
    assert load(repository)["error"] == (
        "owner/shards/data/train-00000-of-00002.parquet: is missing; only 1 of 2 parts of train exist"
    )


def test_a_vocabulary_in_several_files_is_loaded(load, served, hub, rows, tmp_path):
    folder = checkpoints.save("marian", tmp_path / "marian", [row["dialogue"] for row in rows])
    hub.repositories["models/owner/marian"] = folder
    loaded = load(replace(served["model"], key="models/owner/marian"))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    spm = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    assert loaded["content"][1] == [*map(vocabulary.get, spm.encode("#Person1#", out_type=str)), vocabulary["</s>"]]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"pytorch_model.bin": "weights"}, "from transformers import AutoTokenizer, T5ForConditionalGeneration"),
        ({"adapter_config.json": '{"base_model_name_or_path": "owner/base"}'}, "choose --model=owner/base, or merge"),
        (
            {"Q4_1.gguf": "weights"},
            "by `hf download owner/none Q4_1.gguf --local-dir .`, and choose it: --model=Q4_1.gguf",
        ),
    ],
    ids=["pickles", "adapter", "gguf"],
)
def test_a_repository_without_safetensors_is_refused_before_its_weights_are_downloaded(
    files, says, load, served, hub, folder
):
    (folder / "model.safetensors").unlink()
    for name, content in files.items():
        (folder / name).write_text(content)
    hub.repositories["models/owner/none"] = folder
    hub.requests.clear()
    failed = load(replace(served["model"], key="models/owner/none"))["error"]
    assert failed.startswith("model 'owner/none': ")
    assert says in failed
    assert [path for _, path in hub.requests if path.endswith((".bin", ".gguf"))] == []


def test_a_branch_that_moved_on_is_loaded_where_it_is_now(load, repository, hub, tmp_path):
    before = load(repository)["revision"]
    hub.repositories[repository.key] = shutil.copytree(repository.folder, tmp_path / "newer")
    (tmp_path / "newer" / "README.md").write_text("Newer.")
    now = load(repository)["revision"]
    assert (now, now != before) == (hub.commit(repository.key), True)


def test_a_commit_in_the_cache_is_loaded_without_a_question(load, repository, hub):
    commit = load(repository)["revision"]
    hub.requests.clear()
    assert load(repository, commit)["content"] == repository.content
    assert hub.requests == []


def test_without_a_hub_the_cache_is_enough(load, repository, hub, no_hub):
    before = load(repository)
    no_hub()
    after = load(repository)
    assert (after["content"], after["revision"]) == (before["content"], before["revision"])
    assert after["seconds"] < PATIENCE


@pytest.mark.parametrize("fault", ["limited", "down"])
def test_when_the_hub_refuses_the_cache_is_enough(load, repository, hub, fault):
    load(repository)
    hub.faults[repository.key] = fault
    assert load(repository)["content"] == repository.content


def test_another_commit_in_the_cache_does_not_stand_for_the_one_that_is_asked_for(load, repository, hub, no_hub):
    load(repository)
    no_hub()
    assert "cannot be reached" in load(repository, "v2")["error"]


def test_four_processes_that_load_at_once_do_not_disturb_each_other(load, repository):
    assert [loaded.get("content") for loaded in load(repository, times=4)] == [repository.content] * 4


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_is_explained_and_leaves_nothing_behind(load, repository, hub, fault):
    hub.faults[repository.key] = fault
    failed = load(repository)
    cause, remedy = FAULTS[fault]
    assert failed["error"].startswith(f"{repository.what} '{repository.name}': neither a local path nor available")
    assert cause in failed["error"]
    assert f". {remedy}" in failed["error"]
    assert failed["error"].endswith(elsewhere(repository))
    assert failed["seconds"] < PATIENCE
    del hub.faults[repository.key]
    assert load(repository)["content"] == repository.content


def test_without_a_hub_and_a_copy_the_message_says_what_works(load, repository, hub, no_hub):
    no_hub()
    failed = load(repository)
    assert f"{hub.url} cannot be reached ([Errno 111] Connection refused). Check the network" in failed["error"]
    assert failed["error"].endswith(elsewhere(repository))
    assert failed["seconds"] < PATIENCE


def test_a_name_that_the_hub_does_not_have_is_to_be_corrected(load, repository):
    kind = "model" if repository.what == "model" else "dataset"
    assert load(repository, name="owner/nmae")["error"] == (
        f"{repository.what} 'owner/nmae': neither a local path nor available from the hub: there is no such {kind}, or "
        "it is private. Correct the name, or set HF_TOKEN if it is private; without the hub: --suite=embedded, or "
        f"{repository.option}."
    )


def test_where_access_is_restricted_it_is_to_be_asked_for(load, repository, hub):
    hub.faults[repository.key] = "gated"
    failed = load(repository)["error"]
    assert "access to it is restricted. Request access on its page and set HF_TOKEN; without the hub: " in failed


def test_a_revision_that_a_repository_does_not_have_is_named(load, repository):
    failed = load(repository, "v9")["error"]
    assert f"'{repository.name}'" in failed
    assert "it has no revision 'v9'. Name a branch, tag or commit that it has" in failed


def elsewhere(repository):
    """The end of a message about something that may be had another time."""
    options = f"--suite=embedded, or {repository.option}, or HF_HUB_OFFLINE=1 with a cache filled by"
    return f"; without the hub: {options} `hf download {repository.name}{repository.download}`."


@pytest.fixture(scope="module")
def sessions(hub, variables, tmp_path_factory):
    """Two whole sessions: from the hub into an empty cache, and then from the cache without a network."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("sessions")
    done = []
    for name, offline in (("online", "0"), ("offline", "1")):
        there = project(folder / name, data=DATA, model=MODEL, norms=NORMS)
        code, output = finish(begin(there, **{**variables, "HF_HOME": str(home), "HF_HUB_OFFLINE": offline}))
        done.append((code, output, Store(there / "results" / "local", "small").read_runs()))
    return done


@pytest.mark.slow
def test_a_session_with_model_and_data_from_the_hub_passes(sessions, hub):
    code, output, records = sessions[0]
    assert (code, len(records)) == (0, 2), output
    assert {record.provenance.model_revision for record in records} == {hub.commit(f"models/{MODEL}")}
    assert {record.provenance.data_revision for record in records} == {hub.commit(f"datasets/{DATA}")}


@pytest.mark.slow
def test_the_same_session_without_a_network_has_the_same_predictions(sessions):
    (_, _, online), (code, output, offline) = sessions
    assert code == 0, output
    hashes = [[record.predictions_hash for record in records] for records in (online, offline)]
    assert hashes[0] == hashes[1]


@pytest.mark.slow
def test_a_session_that_cannot_have_its_model_ends_with_one_message_and_pytests_usage_error(variables, tmp_path):
    there = project(tmp_path / "project", data=DATA, model="google/flan-t5-smal", norms=NORMS)
    code, output = finish(begin(there, **variables))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert output.count("google/flan-t5-smal") == 1
    assert "there is no such model" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_named_with_what_to_set(variables):
    request = {"what": "model", "name": "owner/model", "revision": None, "times": 1}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("support") / "loader.py")],
        input=json.dumps(request),
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT), "HF_HOME": f"{os.devnull}/hf"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    (answer,) = json.loads(done.stdout)
    assert f"the cache {os.devnull}/hf/hub cannot be written to" in answer["error"]
    assert "Set HF_HOME to a writable folder; without the hub: " in answer["error"]
