"""What a session has started ends with it, also when it is killed and can end nothing itself."""

import multiprocessing
import signal
import subprocess
import sys
import time

import psutil
import pytest

from harness.execute import processes
from support.projects import environment

SESSION = """\
import multiprocessing, os, sys, time
from harness.execute import processes

def bound():
    processes.die_with_parent()
    print(os.getpid(), flush=True)

def late():
    print(os.getpid(), flush=True)
    while multiprocessing.parent_process().is_alive():
        time.sleep(0.01)
    processes.die_with_parent()

def run(begin):
    begin()
    while True:
        time.sleep(60)

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.Process(target=run, args=({"bound": bound, "late": late}[sys.argv[1]],)).start()
    time.sleep(600)
"""


@pytest.fixture
def start(tmp_path):
    """``start(child)``: a session with one child process, and that process."""
    script = tmp_path / "session.py"
    script.write_text(SESSION)
    started = []

    def begin(child):
        session = subprocess.Popen(
            [sys.executable, str(script), child], env=environment(), stdout=subprocess.PIPE, text=True
        )
        process = psutil.Process(int(session.stdout.readline()))
        started.extend([session, process])
        return session, process

    yield begin
    for each in started:
        if each.poll() is None if isinstance(each, subprocess.Popen) else each.is_running():
            each.kill()
    started[0].communicate()


def gone(process, seconds=20):
    """Whether a process ends within a while."""
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_process_ends_when_its_session_is_killed(start):
    session, process = start("bound")
    session.kill()
    assert gone(process)


def test_a_process_that_begins_after_its_session_was_killed_ends_at_once(start):
    session, process = start("late")
    session.kill()
    assert gone(process)


def test_a_process_leaves_an_interrupt_to_its_session(start):
    _, process = start("bound")
    process.send_signal(signal.SIGINT)
    assert not gone(process, seconds=0.3)


def test_a_process_ends_with_what_it_has_started():
    process = multiprocessing.get_context("spawn").Process(target=subprocess.run, args=(["sleep", "600"],))
    process.start()
    while not (started := psutil.Process(process.pid).children()):
        time.sleep(0.01)
    processes.end_all_of(process)
    assert not psutil.pid_exists(process.pid)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in started)
