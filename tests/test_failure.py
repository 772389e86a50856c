"""A plugin's words, as they may be shown anywhere."""

import importlib.util
import os
import weakref
from pathlib import Path

import pytest
import torch

from harness.spec import failure
from harness.spec.errors import ContractError, DataError, Diverged, PluginError, Unsupported, UsageError
from harness.spec.failure import DISK_REMEDY, MAX_CHARACTERS, REMEDIES
from harness.spec.record import Failure, Status


def message(text):
    return failure.of_exception(ValueError(text), Path("methods/lora.py"))[1].message


def test_a_line_that_github_would_take_for_a_command_is_none_any_more():
    assert (
        message("no\n::error::all is lost\n  ::stop-commands::x") == "no\n: :error::all is lost\n  : :stop-commands::x"
    )


def test_what_begins_with_a_single_colon_or_has_two_inside_stays():
    assert message(":no such std::vector") == ":no such std::vector"


def test_what_could_steer_a_terminal_is_spelled_out():
    assert message("\x1b[2Jgone") == r"\x1b[2Jgone"


def told(error):
    """Status, cause and traceback of a run that ended with this exception in the harness."""
    try:
        raise error
    except BaseException as raised:
        status, why = failure.of_exception(raised, Path("methods/lora.py"))
    return status, why.cause, why.traceback


def test_of_a_gpu_that_failed_the_first_error_is_told():
    """Whoever waits for it afterwards, to read a clock or to count gradients, gets an error as well."""
    try:
        try:
            raise IndexError("row 9 of 8")
        finally:
            raise torch.AcceleratorError("CUDA error: device-side assert triggered")
    except torch.AcceleratorError as raised:
        status, why = failure.of_exception(raised, Path("methods/lora.py"))
    assert (status, why.cause) == ("failed", "IndexError: row 9 of 8")


def test_a_gpu_without_room_for_a_library_is_out_of_memory():
    error = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
    assert told(error)[0] == "out_of_memory"


def test_words_of_sys_exit_are_told():
    assert told(SystemExit("no licence"))[:2] == ("crashed", "SystemExit: no licence")


def test_a_code_of_sys_exit_is_told():
    assert told(SystemExit(7))[:2] == ("crashed", "SystemExit: the process exited with code 7")
    assert told(SystemExit())[:2] == ("crashed", "SystemExit: the process exited with code 0")


def test_what_the_harness_found_is_told_without_a_type():
    assert failure.because(Status.NO_OP, "no weight moved").cause == "no weight moved"
    assert failure.of_death(-11, killed_for_memory=False)[1].cause == "the process was killed by SIGSEGV"
    assert failure.of_timeout(15.0)[1].cause == "ended after hard_seconds = 15"


def test_an_error_of_the_harness_own_has_no_traceback_through_the_harness():
    assert told(PluginError("methods/lora.py:3: cannot be imported"))[2] == ""
    assert "in told" in told(KeyError("x"))[2]


# What a failure is called


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unsupported("needs a decoder"), Status.UNSUPPORTED),
        (Diverged("the loss is nan"), Status.DIVERGED),
        (SystemExit(0), Status.CRASHED),
        (MemoryError(), Status.OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA"), Status.OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), Status.OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), Status.OUT_OF_MEMORY),
        (RuntimeError("MPS backend out of memory"), Status.OUT_OF_MEMORY),
        (RuntimeError("shapes do not match"), Status.FAILED),
        (ValueError("out of memory, says a plugin"), Status.FAILED),
        (ContractError("one answer too few"), Status.FAILED),
        (KeyboardInterrupt(), Status.FAILED),
    ],
    ids=repr,
)
def test_an_exception_is_called_by_what_it_means(error, status):
    assert failure.of_exception(error, Path("lora.py"))[0] == status


@pytest.mark.parametrize(
    ("exitcode", "killed_for_memory", "status", "message"),
    [
        (-9, True, Status.OUT_OF_MEMORY, "the kernel killed the process to free memory"),
        (-9, False, Status.CRASHED, "the process was killed by SIGKILL"),
        (-6, False, Status.CRASHED, "the process was killed by SIGABRT"),
        (0, False, Status.CRASHED, "the process exited with code 0"),
        (7, False, Status.CRASHED, "the process exited with code 7"),
        (os.EX_IOERR, False, Status.FAILED, "the process could not write its result"),
        (os.EX_IOERR, True, Status.OUT_OF_MEMORY, "the kernel killed the process to free memory"),
    ],
)
def test_a_death_is_called_by_its_exit_code(exitcode, killed_for_memory, status, message):
    found, why = failure.of_death(exitcode, killed_for_memory)
    assert (found, why.message) == (status, message)
    assert why.remedy == (DISK_REMEDY if status == Status.FAILED else REMEDIES[status])


def test_a_run_without_room_to_begin_is_told_to_make_some():
    assert failure.of_no_room(PermissionError(13, "Permission denied")) == (
        Status.FAILED,
        Failure(type="PermissionError", message="[Errno 13] Permission denied", remedy=DISK_REMEDY),
    )


def test_what_the_harness_found_has_the_status_for_a_type_and_its_remedy():
    assert failure.of_timeout(0.5) == (
        Status.TIMED_OUT,
        Failure(
            type="timed_out",
            message="ended after hard_seconds = 0.5",
            remedy="raise hard_seconds in [budget], or find what hangs",
        ),
    )


# What to do about it


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (DataError("train.csv: no column 'dialogue'"), ""),
        (UsageError("choose another folder"), ""),
        (ContractError("one answer too few"), "fix the method's file; only its rows are affected"),
        (Diverged("the loss is nan"), REMEDIES[Status.DIVERGED]),
        (MemoryError(), REMEDIES[Status.OUT_OF_MEMORY]),
        (KeyError("x"), REMEDIES[Status.FAILED]),
        (Unsupported("needs a decoder"), REMEDIES[Status.UNSUPPORTED]),
        (OSError(28, "No space left on device"), DISK_REMEDY),
        (OSError(122, "Disk quota exceeded"), DISK_REMEDY),
        (RuntimeError("I/O error: No space left on device (os error 28)"), DISK_REMEDY),
        (RuntimeError("Io(os error 28)"), DISK_REMEDY),
        (OSError(2, "No such file or directory"), REMEDIES[Status.FAILED]),
    ],
    ids=repr,
)
def test_every_exception_has_the_remedy_for_its_kind(error, remedy):
    assert failure.of_exception(error, Path("lora.py"))[1].remedy == remedy


def test_who_calls_sys_exit_is_told_what_to_raise_instead():
    assert "raise an exception" in failure.of_exception(SystemExit(1), Path("lora.py"))[1].remedy


# Its message


def test_an_exception_without_words_is_told_by_its_type():
    status, why = failure.of_exception(ValueError(), Path("lora.py"))
    assert (status, why.type, why.message) == (Status.FAILED, "ValueError", "ValueError without a message")


def test_a_message_of_the_longest_kind_stays_whole_and_a_longer_one_keeps_both_its_ends():
    assert message("a" * MAX_CHARACTERS) == "a" * MAX_CHARACTERS
    assert message("a" * 3000 + "b" * 3000) == "a" * 2000 + " … " + "b" * 2000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("größer 漢 „quoted“", "größer 漢 „quoted“"),
        ("back\rspace\b", r"back\rspace\x08"),
        ("\u202eright to left", r"\u202eright to left"),
        ("half \ud83d", r"half \ud83d"),
    ],
)
def test_what_can_be_printed_is_and_what_cannot_is_spelled_out(text, shown):
    assert message(text) == shown


# Its traceback


@pytest.fixture
def plugin(tmp_path):
    """A method's file whose ``train`` fails two calls deep, the second one outside of it."""
    path = tmp_path / "mine.py"
    path.write_text("def train(act):\n    helper(act)\n\n\ndef helper(act):\n    act()\n")
    module = importlib.util.spec_from_file_location("mine", path)
    made = importlib.util.module_from_spec(module)
    module.loader.exec_module(made)
    made.path = path
    return made


def ended(act, plugin):
    """The failure of a method whose ``train`` does this."""
    try:
        plugin.train(act)
    except BaseException as error:
        return failure.of_exception(error, plugin.path)[1]


def test_a_traceback_begins_with_the_plugins_first_frame_and_ends_with_the_error(plugin):
    def divide():
        return 1 / 0

    lines = ended(divide, plugin).traceback.splitlines()
    assert [line.split(" in ")[1] for line in lines if line.startswith("  File")] == ["train", "helper", "divide"]
    assert lines[0] == f'  File "{plugin.path}", line 2, in train'
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_an_error_on_purpose_that_a_plugin_caused_has_its_lines(plugin):
    def refuse():
        raise ContractError("one answer too few")

    assert ended(refuse, plugin).traceback.startswith(f'  File "{plugin.path}", line 2, in train')


def test_what_is_unsupported_is_a_reason_and_has_no_traceback(plugin):
    def refuse():
        raise Unsupported("needs a decoder")

    found = ended(refuse, plugin)
    assert (found.message, found.traceback) == ("needs a decoder", "")


def test_a_traceback_cannot_steer_a_terminal_either(plugin):
    def refuse():
        raise ValueError("\x1b[2J" + "x" * 2 * MAX_CHARACTERS)

    text = ended(refuse, plugin).traceback
    assert "\x1b" not in text
    assert len(text) < 1.1 * MAX_CHARACTERS


class Big:
    """Something that takes much memory."""


def test_what_the_failed_calls_held_is_free_again(plugin):
    held = []

    def fill():
        first = Big()
        held.append(weakref.ref(first))
        raise ValueError("the first one")

    def fill_more():
        second = Big()
        held.append(weakref.ref(second))
        try:
            fill()
        except ValueError:
            raise MemoryError from None

    try:
        plugin.train(fill_more)
    except MemoryError as error:
        failure.of_exception(error, plugin.path)
        assert [each() for each in held] == [None, None]
