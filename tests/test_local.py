"""The server that runs are forked from starts wherever the temporary folder is."""

import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.execute import forkserver
from harness.execute.sealed import Sealed
from harness.spec import registry
from harness.spec.plan import Order
from harness.spec.suite import ModelTable
from support.projects import environment
from support.records import spec

START = """\
from pathlib import Path
from harness.execute.local import LocalExecutor

if __name__ == "__main__":
    LocalExecutor(Path("scratch")).close()
"""
LOAD = """\
import importlib
import torch
from harness.execute import forkserver

for name in ("is_available", "device_count", "init", "get_device_capability", "get_device_properties"):
    setattr(torch.cuda, name, lambda *_, name=name: print(name))
for name in forkserver.preloaded():
    importlib.import_module(name)
"""
ROOT = Path(__file__).parents[1]


def test_a_long_temporary_folder_is_no_obstacle(tmp_path):
    """A socket's path may have a hundred characters, and this one's folder alone has more."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    (tmp_path / "start.py").write_text(START)
    done = subprocess.run(
        [sys.executable, "start.py"],
        cwd=tmp_path,
        env={**environment(), "TMPDIR": str(long)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_server_loads_nothing_that_uses_a_gpu(tmp_path):
    """Neither torch is asked for one, nor is a library imported that asks it; no child could use CUDA afterwards."""
    (tmp_path / "bitsandbytes.py").write_text("raise AssertionError('imported')")
    (tmp_path / "load.py").write_text(LOAD)
    for path in (tmp_path, tmp_path / "empty"):
        done = subprocess.run(
            [sys.executable, str(tmp_path / "load.py")],
            env={**environment(), "PYTHONPATH": f"{path}:{ROOT}", "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_process_may_ask_for_gpus_without_using_them(tmp_path):
    sealed = Sealed(tmp_path / "scratch")
    (tmp_path / "work").mkdir()
    assert sealed._process(telling, "PYTORCH_NVML_BASED_CUDA_CHECK", tmp_path / "work", 60.0) == 0
    assert (tmp_path / "work" / "value").read_text() == "1"


def test_a_server_that_was_killed_is_replaced_and_no_run_ends_with_another(tmp_path):
    """As the system does that needs memory; the new server has the same variables, and lives on."""
    sealed = Sealed(tmp_path / "scratch")
    for name in ("long", "short", "last"):
        (tmp_path / name).mkdir()
    os.kill(multiprocessing.forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    variable = "PYTORCH_NVML_BASED_CUDA_CHECK"
    with ThreadPoolExecutor() as threads:
        long = threads.submit(sealed._process, napping, 3.0, tmp_path / "long", 60.0)
        assert sealed._process(telling, variable, tmp_path / "short", 60.0) == 0
        assert long.result() == 0
    assert sealed._process(telling, variable, tmp_path / "last", 60.0) == 0
    assert [(tmp_path / name / "value").read_text() for name in ("short", "last")] == ["1", "1"]


def test_a_run_whose_process_cannot_be_started_has_an_outcome_as_well(tmp_path, monkeypatch):
    sealed = Sealed(tmp_path / "scratch")
    monkeypatch.setattr(sealed, "_start", failing)
    plugin = registry.discover()["lora"]
    done = sealed.run(Order(spec("lora"), plugin, ModelTable(), tmp_path, device="cpu", threads=1)).record
    assert (done.status, done.error.message) == ("crashed", "ChildProcessError: [Errno 10] No child processes")


def failing(*_):
    """What starting a process does if its server is gone."""
    os.waitpid(os.getpid(), 0)


def telling(name, folder):
    """What a process does: it writes down a variable of its environment."""
    (folder / "value").write_text(os.environ[name])


def napping(seconds, folder):
    """What a process does: it sleeps, and then says that it has."""
    time.sleep(seconds)
    (folder / "done").touch()


def test_where_forking_is_not_safe_processes_are_started_anew_and_do_not_end_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(forkserver, "FORK_IS_SAFE", False)
    sealed = Sealed(tmp_path / "scratch")
    for name in ("long", "short"):
        (tmp_path / name).mkdir()
    with ThreadPoolExecutor() as threads:
        ended = [
            threads.submit(sealed._process, napping, seconds, tmp_path / name, 60.0)
            for name, seconds in (("long", 3.0), ("short", 0.0))
        ]
    assert [each.result() for each in ended] == [0, 0]
    assert all((tmp_path / name / "done").exists() for name in ("long", "short"))
