"""A session that keeps its models, whose base is on a hub, and what anyone can do with them without Tuneoff."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from harness.run import card
from harness.session.keeper import best
from harness.store.results import Store
from support.hub import Hub
from support.projects import NORMS, begin, finish, project

pytestmark = pytest.mark.slow
MODEL = "google/flan-t5-small"
ADAPTER = """\
from harness.method import LoraMethod

class Adapter(LoraMethod):
    learning_rate = 0.01
    rank = 4
"""


KILLED = """\
import os
from harness.method import LoraMethod

class Killed(LoraMethod):
    learning_rate = 0.01
    rank = 4

    def build(self, base):
        self.setting.tokenizer.save_pretrained = lambda folder: os.kill(os.getpid(), 9)  # only for what is kept
        return super().build(base)
"""


@pytest.fixture(scope="module")
def variables(tiny_folder, tmp_path_factory):
    """The environment of a session whose base model is on a hub."""
    hub = Hub({f"models/{MODEL}": tiny_folder})
    home = str(tmp_path_factory.mktemp("home"))
    yield {"HF_ENDPOINT": hub.url, "HF_HOME": home, "HF_HUB_OFFLINE": "0", "COMMIT": hub.commit(f"models/{MODEL}")}
    hub.stop()


@pytest.fixture(scope="module")
def all_kept(variables, rows, write, tmp_path_factory):
    """A project after a session that kept all models, with the session's output."""
    folder = tmp_path_factory.mktemp("keep")
    write(folder / "data" / "train.jsonl", rows[:16])
    write(folder / "data" / "test.jsonl", rows[16:20])
    there = project(folder / "project", data=folder / "data", model=MODEL, norms=NORMS, adapter=ADAPTER)
    code, output = finish(begin(there, "--keep=all", **variables))
    assert code == 0, output
    return there, output


def store(folder):
    return Store(folder / "results" / "local", "small")


def test_a_session_that_keeps_all_models_names_them_in_its_records_and_at_its_end(all_kept):
    folder, output = all_kept
    records = {record.spec.name: record for record in store(folder).read_runs()}
    assert records["zero_shot-seed0"].outputs.checkpoint is None
    for name in ("norms-seed0", "adapter-seed0"):
        found = records[name].outputs.checkpoint
        assert (found.path, found.answers_equal, found.reason) == (f"checkpoints/{name}", True, None)
        assert store(folder).trained_models.has(records[name])
    assert "kept: 2 models in results/local/small/checkpoints, 0." in output
    assert "-seed0/README.md uses it without Tuneoff" in output


@pytest.mark.parametrize("name", ["norms-seed0", "adapter-seed0"])
def test_a_kept_model_gives_the_stored_predictions_in_a_process_without_tuneoff(name, all_kept, variables):
    folder, _ = all_kept
    place = folder / "results" / "local" / "small" / "checkpoints" / name
    (record,) = (each for each in store(folder).read_runs() if each.spec.name == name)
    code = (place / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    answers = []
    for prediction in store(folder).read_predictions(record.spec)[::3]:  # each takes a process
        asked = code.replace(json.dumps(card.EXAMPLE), json.dumps(prediction.source))
        environment = {**os.environ, "HF_HOME": variables["HF_HOME"], "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", asked], cwd=place, env=environment, capture_output=True, text=True, timeout=240
        )
        assert done.stdout.removesuffix("\n") == prediction.text, done.stderr
        answers.append(prediction.text)
    assert all(answers)


def test_an_adapter_names_its_base_on_the_hub_and_the_commit(all_kept, variables):
    folder, _ = all_kept
    place = folder / "results" / "local" / "small" / "checkpoints" / "adapter-seed0"
    config = json.loads((place / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == (MODEL, variables["COMMIT"])
    assert f"base_model: {MODEL}\n" in (place / "README.md").read_text()


def test_a_run_that_ends_while_its_model_is_being_kept_has_its_result(rows, write, tiny_folder, tmp_path):
    write(tmp_path / "data" / "train.jsonl", rows[:16])
    write(tmp_path / "data" / "test.jsonl", rows[16:20])
    there = project(tmp_path / "project", data=tmp_path / "data", model=tiny_folder, killed=KILLED)
    code, output = finish(begin(there, "--keep=all"))
    assert code == 0, output
    assert "not kept: killed-seed0: the run ended while its model was being kept" in output
    records = {record.spec.name: record for record in store(there).read_runs()}
    assert records["killed-seed0"].scores
    code, output = finish(begin(there, "--keep=all", "--resume"))
    assert code == 0, output
    assert "not reused" not in output


def test_a_resumed_session_executes_a_run_again_whose_model_is_gone_and_can_keep_the_best_alone(
    all_kept, variables, tmp_path
):
    folder = shutil.copytree(all_kept[0], tmp_path / "project")
    winner = best(store(folder).read_runs())
    shutil.rmtree(folder / "results" / "local" / "small" / winner.outputs.checkpoint.path)
    code, output = finish(begin(folder, "--resume", "--keep=best", **variables))
    assert code == 0, output
    assert f"not reused: {winner.spec.name}: its kept model is missing or has changed" in output
    assert output.count("not reused: ") == 1
    kept = {
        record.spec.name: store(folder).trained_models.has(record)
        for record in store(folder).read_runs()
        if record.outputs.checkpoint
    }
    assert kept == {winner.spec.name: True}
    places = (folder / "results" / "local" / "small" / "checkpoints").iterdir()
    assert {path.name for path in places} == {".gitignore", winner.spec.name}
    assert "kept: 1 model in results/local/small/checkpoints, 0." in output
