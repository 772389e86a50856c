"""The same command on a Ray cluster: the same results, also if nodes die; two nodes on this machine stand for two.

``TUNEOFF_KILLS=20 pytest tests/test_cluster.py`` kills nodes and workers more often, ``TUNEOFF_KILLS_SEED`` at other
moments.
"""

import os
import re
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path
from random import Random

import psutil
import pytest

from harness.execute import executors
from harness.session import judge
from harness.spec import plan, registry, suite
from harness.spec.errors import UsageError
from harness.spec.suite import RunTable
from harness.store.results import Store
from support.projects import NORMS, begin, environment, finish, project, until

ray_is_there = pytest.mark.skipif(not executors.has_ray(), reason="needs pip install 'tuneoff[ray]'")
KILLS = int(os.environ.get("TUNEOFF_KILLS", "2"))
SEED = int(os.environ.get("TUNEOFF_KILLS_SEED", "0"))
HOSTILE = Path(__file__).parent / "hostile"
ENDED = {
    "answers_nothing": "failed",
    "answers_too_few": "failed",
    "breaks_weights": "diverged",
    "exits": "crashed",
    "exits_with_seven": "crashed",
    "exits_with_zero": "crashed",
    "fills_memory": "out_of_memory",
    "forks": "ok",
    "forks_a_daemon": "ok",
    "ignores_budget": "over_budget",
    "is_unsupported": "unsupported",
    "raises_at_import": "failed",
    "segfaults": "crashed",
    "trains_nothing": "no_op",
}
SLOW = (
    NORMS
    + """
    def after_step(self, model, step, progress):
        import time
        time.sleep(0.5)
"""
)
LINGERING = (
    NORMS
    + """
    def train(self, model, batches):
        import pathlib, subprocess, time
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        pathlib.Path(__file__).with_name("child").write_text(f"{child.pid}\\n")
        time.sleep(600)
"""
)


@pytest.fixture(scope="module")
def place():
    """The temporary folder of all nodes; its name is short, since sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="nodes-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster(place):
    """A cluster of a head, which executes no runs, and two nodes with a processor each."""
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings(action="ignore"), pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment(), "TMPDIR": str(place)}.items():
            patch.setenv(name, value)
        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        for _ in range(2):
            found.add_node(num_cpus=1)
        yield found
        found.shutdown()


@pytest.fixture(scope="module")
def ground(rows, write, tiny_folder, tmp_path_factory):
    """``ground(name, **methods)``: a new project with these methods, whose runs have one thread."""
    data = tmp_path_factory.mktemp("data")
    write(data / "train.jsonl", rows[:16])
    write(data / "test.jsonl", rows[16:20])

    def new(name, **methods):
        folder = project(tmp_path_factory.mktemp(name) / "project", data=data, model=tiny_folder, **methods)
        with (folder / "small.toml").open("a") as file:
            file.write("cpus = 1\n")
        return folder

    return new


@pytest.fixture(scope="module")
def local(ground):
    """A session on this machine: its runs by name."""
    folder = ground("local", norms=NORMS, slow=SLOW)
    code, output = finish(begin(folder, "--seeds=0,1", "--keep=all"))
    assert code == pytest.ExitCode.OK, output
    return records(folder)


@pytest.fixture(scope="module")
def remote(ground, cluster):
    """The same session on the cluster: its folder, and how many seconds it took."""
    folder, began = ground("remote", norms=NORMS, slow=SLOW), time.monotonic()
    code, output = finish(begin(folder, "--seeds=0,1", "--keep=all", f"--cluster={cluster.address}"))
    assert code == pytest.ExitCode.OK, output
    return folder, time.monotonic() - began


def records(folder):
    """The stored runs of a project by name."""
    return {record.spec.name: record for record in Store(folder / "results" / "local", "small").read_runs()}


def answers(runs):
    """What must not depend on where the runs were executed."""
    return {name: (run.status, run.predictions_hash, run.outputs.weights_hash) for name, run in runs.items()}


@ray_is_there
@pytest.mark.slow
def test_predictions_and_weights_are_those_of_this_machine_byte_for_byte(local, remote):
    assert answers(records(remote[0])) == answers(local)


@ray_is_there
@pytest.mark.slow
def test_a_run_that_has_a_node_to_itself_is_not_contended(remote):
    undisturbed = [run for run in records(remote[0]).values() if judge.disturbed(run) is None]
    assert {run.cost.contended for run in undisturbed} <= {False}


@ray_is_there
@pytest.mark.slow
def test_kept_models_arrive_and_name_the_base_model_of_this_machine(remote, tiny_folder):
    runs = [run for run in records(remote[0]).values() if run.cost.trainable_parameters]
    assert len(runs) == 4
    for run in runs:
        assert run.outputs.checkpoint.answers_equal
        kept = Store(remote[0] / "results" / "local", "small").trained_models.of(run.spec)
        assert str(tiny_folder) in (kept / "README.md").read_text()
        assert "tuneoff-" not in "".join(path.read_text() for path in (*kept.glob("*.json"), kept / "README.md"))


@ray_is_there
@pytest.mark.slow
def test_a_session_leaves_no_files_and_no_runs_on_the_nodes(remote, place):
    assert list(place.glob("tuneoff-*")) == []
    assert until_none(lambda: [each for each in psutil.process_iter() if is_server(each, place)]) == []


@ray_is_there
@pytest.mark.slow
def test_what_a_run_has_started_on_a_node_ends_with_an_interrupted_session(ground, cluster):
    folder = ground("interrupted", lingering=LINGERING)
    written = folder / "methods" / "child"
    session = begin(folder, f"--cluster={cluster.address}")
    assert until(lambda: written.exists() and written.read_text().endswith("\n"), session)
    child = psutil.Process(int(written.read_text()))
    session.send_signal(signal.SIGINT)
    code, output = finish(session)
    assert code == pytest.ExitCode.INTERRUPTED, output
    assert until_none(lambda: [child] if lives(child) else []) == [], output


@ray_is_there
@pytest.mark.slow
def test_hostile_methods_end_as_they_do_on_this_machine(ground, cluster):
    folder = ground("hostile", norms=NORMS)
    (folder / "pytest.ini").write_text(f"[pytest]\nmethod_paths = methods {HOSTILE}\n")
    text = (folder / "small.toml").read_text()
    (folder / "small.toml").write_text(text.replace('"norms"', ", ".join(f'"{name}"' for name in ENDED)))
    finish(begin(folder, f"--cluster={cluster.address}"))
    statuses = {run.spec.method: run.status for run in records(folder).values()}
    assert statuses == {"zero_shot": "ok", **ENDED}


@ray_is_there
@pytest.mark.slow
def test_nodes_and_workers_that_are_killed_lose_nothing(ground, cluster, local, remote):
    folder, random, killed = ground("killed", norms=NORMS, slow=SLOW), Random(SEED), 0
    while killed < KILLS:
        shutil.rmtree(folder / "results", ignore_errors=True)
        session, moments = begin(folder, "--seeds=0,1", f"--cluster={cluster.address}"), random.random()
        while session.poll() is None and killed < KILLS:
            time.sleep(moments * remote[1] / 2)
            if session.poll() is None:
                killed += kill_a_worker(random) or kill_a_node(cluster, random)
        code, output = finish(session, seconds=400)
        assert code == pytest.ExitCode.OK, output
        assert answers(records(folder)) == answers(local)


@ray_is_there
@pytest.mark.slow
def test_more_than_any_node_has_is_an_error_before_the_first_run(ground, cluster):
    folder = ground("large", norms=NORMS)
    (folder / "small.toml").write_text((folder / "small.toml").read_text().replace("cpus = 1", "cpus = 64\ngpus = 1"))
    code, output = finish(begin(folder, f"--cluster={cluster.address}"))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--cluster: a run needs 64 CPUs and 1 GPUs (run.cpus, run.gpus), but no node has that: " in output
    assert len(re.findall(r"has 1 CPUs and 0 GPUs", output)) == 2


@ray_is_there
@pytest.mark.slow
def test_an_address_without_a_cluster_is_a_usage_error(ground):
    code, output = finish(begin(ground("nowhere", norms=NORMS), "--cluster=127.0.0.1:1"))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--cluster=127.0.0.1:1: nothing answers there (" in output


@ray_is_there
@pytest.mark.slow
def test_a_session_leaves_the_cluster_once(cluster, tmp_path):
    """As at the end of its last run and again at the end of pytest; a second time, Ray would start a cluster."""
    import ray

    from harness.execute.cluster.executor import ClusterExecutor

    executor = ClusterExecutor(tmp_path, cluster.address, RunTable(methods=("norms",), cpus=1), "cpu")
    for _ in range(2):
        executor.close()
        assert not ray.is_initialized()


@ray_is_there
@pytest.mark.slow
def test_without_a_running_cluster_one_is_started_for_the_session(ground, local):
    """Nothing of it is left, and it is not the cluster of another test, whose address Ray remembers."""
    folder = ground("auto", norms=NORMS)
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as place:
        code, output = finish(begin(folder, "--seeds=0,1", "--cluster=auto", RAY_TMPDIR=place))
    assert code == pytest.ExitCode.OK, output
    expected = {name: found for name, found in answers(local).items() if not name.startswith("slow")}
    assert answers(records(folder)) == expected


def test_a_cluster_without_ray_is_a_usage_error_that_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(executors, "has_ray", lambda: False)
    request = plan.request(suite.load("smoke"), registry.discover(), tmp_path, cluster="auto")
    with pytest.raises(UsageError, match=r"--cluster needs a package: pip install 'tuneoff\[ray\]'"):
        executors.of(request, tmp_path)


def is_server(process, place):
    """Whether a process is the server from which the runs of a node are forked."""
    try:
        return process.environ().get("TMPDIR") == str(place) and "forkserver" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def lives(process):
    """Whether it is still running; one that has ended may stay in the list until its parent asks for it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until_none(find, seconds=30):
    """What is found, as soon as it is nothing, or else after a while."""
    deadline = time.monotonic() + seconds
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def kill_a_worker(random):
    """Kill a process of Ray that executes a run, in half of the cases and if there is one; whether it did."""
    workers = [each for each in psutil.process_iter() if name(each).startswith("ray::") and "-seed" in name(each)]
    if not workers or random.random() < 0.5:
        return False
    random.choice(workers).kill()
    return True


def name(process):
    """What Ray calls a worker while it executes a run: ``ray::lora-seed0``."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def kill_a_node(cluster, random):
    """Kill a node, with all that is on it, and start another."""
    with warnings.catch_warnings(action="ignore"):
        cluster.remove_node(random.choice(sorted(cluster.worker_nodes, key=str)), allow_graceful=False)
        cluster.add_node(num_cpus=1)
    return True
