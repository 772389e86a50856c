"""The status of a failed run, and what to do about it."""

import os
import re
import signal
import traceback
from pathlib import Path

from .errors import ContractError, Diverged, TuneoffError, Unsupported, UsageError
from .record import Failure, Status

REMEDIES = {
    Status.DIVERGED: "lower the method's learning_rate in the suite's [methods.<id>], or in its file",
    Status.OUT_OF_MEMORY: "set micro_batch_size in [run] (--fit says what fits), or take a smaller base model",
    Status.FAILED: "the traceback names the line; only this method's rows are affected",
    Status.UNSUPPORTED: "leave the method out of this suite, or choose another base model",
    Status.CRASHED: "run the method alone with -k and look at what it calls outside Python",
    Status.TIMED_OUT: "raise hard_seconds in [budget], or find what hangs",
    Status.NO_OP: "check that build() trains what generate() uses, and that the learning rate is not far too small",
    Status.OVER_BUDGET: "train() may only use the batches that it is given, each of them once",
}
MAX_CHARACTERS = 4_000  # of a message or a traceback
GITHUB_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)  # GitHub treats a line that begins with ``::`` as a command
DISK_REMEDY = "free some space where the results are, or choose another folder with --results=DIR"
DISK_FULL_SIGNS = ("No space left on device", "Disk quota exceeded", "os error 28")  # the last one is safetensors'
TORCH_OUT_OF_MEMORY_SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "STATUS_ALLOC_FAILED")
BROKEN_DEVICE = "AcceleratorError"  # of torch; a GPU that has failed fails again wherever it is waited for


def of_exception(error: BaseException, plugin: Path) -> tuple[Status, Failure]:
    """The status of a run that ended with this exception; the traceback begins in the plugin's file.

    An ``unsupported`` run has no traceback.
    """
    release(error)
    error = _first(error)
    status = _status(error)
    kind = type(error).__name__
    message = _visible(_words(error)) or f"{kind} without a message"
    trace = "" if status == Status.UNSUPPORTED else _visible(_trimmed(error, plugin))  # a reason, not a fault
    return status, Failure(type=kind, message=message, remedy=_remedy(error, status), traceback=trace)


def of_death(exitcode: int, killed_for_memory: bool) -> tuple[Status, Failure]:
    """The status of a run whose process ended without an answer, whatever its exit code."""
    if killed_for_memory:
        status, message = Status.OUT_OF_MEMORY, "the kernel killed the process to free memory"
    elif exitcode == os.EX_IOERR:
        message = "the process could not write its result"
        return Status.FAILED, Failure(type="OSError", message=message, remedy=DISK_REMEDY)
    elif exitcode < 0:
        status, message = Status.CRASHED, f"the process was killed by {signal.Signals(-exitcode).name}"
    else:
        status, message = Status.CRASHED, f"the process exited with code {exitcode}"
    return status, because(status, message)


def of_no_room(error: OSError) -> tuple[Status, Failure]:
    """The status of a run that could not start, because its folder cannot be written to."""
    return Status.FAILED, Failure(type=type(error).__name__, message=str(error), remedy=DISK_REMEDY)


def of_lost(error: Exception) -> tuple[Status, Failure]:
    """The status of a run whose process could not be started, or whose result could not be read."""
    return Status.CRASHED, because(Status.CRASHED, f"{type(error).__name__}: {_visible(str(error))}")


def of_timeout(hard_seconds: float) -> tuple[Status, Failure]:
    """The status of a run that was ended at its hard wall limit."""
    return Status.TIMED_OUT, because(Status.TIMED_OUT, f"ended after hard_seconds = {hard_seconds:g}")


def disk_failed(error: Failure) -> bool:
    """Whether a run failed because its files could not be written."""
    return error.remedy == DISK_REMEDY


def full_disk(error: BaseException) -> bool:
    """Whether the error says that the disk is full, in the wording of any library."""
    return any(sign in str(error) for sign in DISK_FULL_SIGNS)


def out_of_memory(error: BaseException) -> bool:
    """Whether the error says that no memory is left, in the wording of any library.

    torch.OutOfMemoryError is recognised by name, since this module works without torch; torch's CPU allocator raises a
    plain RuntimeError.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in TORCH_OUT_OF_MEMORY_SIGNS)


def because(status: Status, message: str) -> Failure:
    """A failure that the harness itself detected."""
    return Failure(type=status.value, message=message, remedy=REMEDIES[status])


def release(error: BaseException | None) -> None:
    """Free what the failed calls hold; otherwise, there may be too little memory to write a report."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _first(error: BaseException) -> BaseException:
    """What broke the device, if the error only says that it is broken; else the error itself."""
    while type(error).__name__ == BROKEN_DEVICE and (earlier := error.__context__) is not None:
        error = earlier
    return error


def _visible(text: str) -> str:
    """A plugin's text for a terminal or a file: of limited length, and without control characters or commands."""
    if len(text) > MAX_CHARACTERS:
        text = f"{text[: MAX_CHARACTERS // 2]} … {text[-MAX_CHARACTERS // 2 :]}"
    text = "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
    return GITHUB_COMMAND.sub(r"\1: ", text)


def _status(error: BaseException) -> Status:
    if isinstance(error, Unsupported):
        return Status.UNSUPPORTED
    if isinstance(error, Diverged):
        return Status.DIVERGED
    if isinstance(error, SystemExit):
        return Status.CRASHED
    return Status.OUT_OF_MEMORY if out_of_memory(error) else Status.FAILED


def _remedy(error: BaseException, status: Status) -> str:
    """What to do about an exception; the message of a ``UsageError`` already says it."""
    if full_disk(error):
        return DISK_REMEDY
    match error:
        case UsageError():
            return ""
        case ContractError():
            return "fix the method's file; only its rows are affected"
        case SystemExit():
            return "if the run cannot continue, raise an exception, or Unsupported in build(): sys.exit() is a crash"
    return REMEDIES[status]


def _words(error: BaseException) -> str:
    """The message of an exception; ``sys.exit()`` carries a text, a number, or nothing."""
    if isinstance(error, SystemExit) and not isinstance(error.code, str):
        return f"the process exited with code {error.code or 0}"
    return str(error)


def _trimmed(error: BaseException, plugin: Path) -> str:
    """The traceback from the plugin's first frame on; if there is none, all of it, or nothing for our own errors."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [number for number, frame in enumerate(frames) if frame.filename == str(plugin)]
    if not own and isinstance(error, TuneoffError):
        return ""
    first = own[0] if own else 0
    return "".join([*traceback.format_list(frames[first:]), *traceback.format_exception_only(error)])
