"""Small projects of other people that use the plugin, and whole sessions of pytest in them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
INI = "[pytest]\nmethod_paths = methods\n"
CONFTEST = 'pytest_plugins = ["harness.pytest_plugin"]\n'
NORMS = """\
from harness.method import Method, Model

class NormTuning(Method):
    learning_rate = 0.5

    def build(self, base: Model) -> Model:
        for name, parameter in base.named_parameters():
            parameter.requires_grad_("layer_norm" in name)
        return base
"""
BROKEN = (
    NORMS
    + """
    def train(self, model, batches):
        raise ValueError("no such thing")
"""
)
SLEEPER = (
    NORMS
    + """
    def train(self, model, batches):
        import pathlib, time
        pathlib.Path(__file__).with_name("sleeping").touch()
        while True:
            time.sleep(60)
"""
)
SUITE = """\
[task]
name = "dialogsum"
data = "{data}"

[model]
name = "{model}"

[budget]
max_steps = 4

[evaluation]
max_new_tokens = 8
samples = 1
floor = -100.0

[run]
methods = [{methods}]
seeds = [0]
batch_size = 4
"""


def project(folder: Path, *, data: Path | str, model: Path | str, **methods: str) -> Path:
    """A project with the one-line ``conftest.py``, an ini, ``methods/<name>.py`` and a suite of these methods."""
    (folder / "methods").mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text(INI)
    for name, source in methods.items():
        (folder / "methods" / f"{name}.py").write_text(source)
    names = ", ".join(f'"{name}"' for name in methods)
    (folder / "small.toml").write_text(SUITE.format(data=data, model=model, methods=names))
    return folder


def environment() -> dict[str, str]:
    """The environment of a session that can import what is tested here, installed or not."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


def begin(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """A session of pytest in a project, in a process group of its own, as a shell starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-W", "error", "--benchmark", "--suite", "small.toml", *arguments],
        cwd=folder,
        env={**environment(), **variables},
        start_new_session=True,
        preexec_fn=_can_be_interrupted,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _can_be_interrupted() -> None:
    """What a shell starts in the background ignores interrupts, and so would everything that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(session: subprocess.Popen[str], seconds: float = 240) -> tuple[int, str]:
    """The exit code and the output of a session; it is killed when it takes too long."""
    try:
        output, _ = session.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(session.pid, signal.SIGKILL)
        raise
    return session.returncode, output


def until(condition: Callable[[], object], session: subprocess.Popen[str], seconds: float = 120) -> bool:
    """Wait for a condition that a running session brings about; whether it came before the session ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        if session.poll() is not None:
            return bool(condition())
        assert time.monotonic() < deadline, "the session does not get there"
        time.sleep(0.01)
    return True


def processes_in(folder: Path) -> list[psutil.Process]:
    """The processes whose working directory is in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def left_behind(folder: Path, seconds: float = 30) -> list[psutil.Process]:
    """The processes in a folder that are still there after a while."""
    deadline = time.monotonic() + seconds
    while (found := processes_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
