"""What the process of a run does: it writes its result to files in one folder, and exits.

Because the result is a file, it is always clear whether a process finished, even if it dies halfway with exit code 0
(which pebble's process pool mistakes for an idle worker), or if its children keep its pipes open.
"""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from ..spec import failure
from ..spec.errors import UsageError
from ..spec.plan import Order
from ..spec.record import RunOutcome
from . import processes
from .executor import Overridden

ANSWER, COMPLAINT, FOUND, LOG = "answer.json", "usage-error.txt", "found.jsonl", "output.log"
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"  # which PyTorch obeys on AMD's GPUs, too
NO_ROOM = os.EX_IOERR  # the exit code of a process that cannot write its files


def execute(order: Order, folder: Path) -> None:
    """Execute the run, write its ``RunOutcome``, and exit without waiting for threads that it left running."""
    _isolate(folder)
    _see_only(order.gpus)
    from ..run import runner

    process = os.getpid()
    outcome = runner.execute(order, folder, partial(_report, process, folder / ANSWER))
    if os.getpid() == process:  # not in a copy of it that a plugin forked
        _leave(folder / ANSWER, outcome.model_dump_json())
    os._exit(1)


def measure(order: Order, folder: Path) -> None:
    """Try the run out, write its ``Footprint``, and exit as ``execute`` does."""
    _isolate(folder)
    from ..run import footprint

    _try_out(footprint.measure, order, folder)


def measure_base(order: Order, folder: Path) -> None:
    """Write the ``Footprint`` of training all weights of the base model."""
    _isolate(folder)
    from ..run import footprint

    _try_out(footprint.of_base, order, folder)


def _try_out(find: Callable[[Order, Path], BaseModel], order: Order, folder: Path) -> None:
    processes.die_first()
    _see_only(order.gpus)
    process = os.getpid()
    found = find(order, folder)
    if os.getpid() == process:
        _leave(folder / ANSWER, found.model_dump_json())
    os._exit(1)


def check(order: Order, folder: Path) -> None:
    """Write the ``Preflight``, or the message of a ``UsageError`` that every run would raise."""
    _isolate(folder)
    from ..run import preflight

    _tell(preflight.check, order, folder)


def fetch(order: Order, folder: Path) -> None:
    """Write the ``ModelTable``, or the message of a ``UsageError``."""
    _isolate(folder)
    from ..run import preflight

    _tell(preflight.fetch, order, folder)


def survey(order: Order, folder: Path) -> None:
    """Write the ``Environment``, or the message of a ``UsageError``."""
    _isolate(folder)
    from ..run import preflight

    _tell(preflight.survey, order, folder)


def _tell(find: Callable[[Order], BaseModel], order: Order, folder: Path) -> None:
    """Write what is found, or the message of the ``UsageError`` that is raised."""
    _see_only(order.gpus)
    try:
        _leave(folder / ANSWER, find(order).model_dump_json())
    except UsageError as error:
        _leave(folder / COMPLAINT, str(error))
    except Exception as error:
        if failure.full_disk(error):
            os._exit(NO_ROOM)
        raise


def examine(methods: Overridden, folder: Path) -> None:
    """Write the problems with each method's hyper-parameters, one line per method; the methods are imported in turn."""
    _isolate(folder)
    from ..run import loader

    process = os.getpid()
    os.chdir(folder)  # what a plugin writes when it is imported is removed with the folder
    with (folder / FOUND).open("w", encoding="utf-8") as file:
        for plugin, overrides in methods:
            found = loader.problems(plugin, overrides)
            if os.getpid() != process:  # a copy of it that a plugin forked
                os._exit(0)
            file.write(f"{json.dumps(found)}\n")
            file.flush()
    os._exit(0)


def _isolate(folder: Path) -> None:
    """Make this process end when the session ends, and redirect its output to a file."""
    processes.die_with_parent()
    with (folder / LOG).open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


def _see_only(gpus: tuple[str, ...] | None) -> None:
    """Hide all other GPUs, before CUDA is used for the first time in this process."""
    if gpus is not None:
        os.environ[VISIBLE_GPUS] = ",".join(gpus)


def _report(process: int, path: Path, outcome: RunOutcome) -> None:
    """Write an outcome for the session that holds if this process ends early; it is lost if there is no room for it."""
    if os.getpid() == process:
        with suppress(OSError):
            _write(path, outcome.model_dump_json())


def _leave(path: Path, text: str) -> None:
    """Write a file for the session and exit; first, delete the process's other files, which take up space."""
    try:
        for other in path.parent.iterdir():
            if other.is_dir():
                shutil.rmtree(other, ignore_errors=True)
            elif other.name not in (LOG, path.name):
                other.unlink()
        _write(path, text)
    except OSError:
        os._exit(NO_ROOM)
    os._exit(0)


def _write(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    beside = path.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
