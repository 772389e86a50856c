"""A plugin's words, as they may be shown anywhere."""

from pathlib import Path

from harness import failure
from harness.errors import PluginError
from harness.record import Status


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


def test_words_of_sys_exit_are_told():
    assert told(SystemExit("no licence"))[:2] == ("crashed", "SystemExit: no licence")


def test_a_code_of_sys_exit_is_told():
    assert told(SystemExit(7))[:2] == ("crashed", "SystemExit: the process ended itself with exit code 7")
    assert told(SystemExit())[:2] == ("crashed", "SystemExit: the process ended itself with exit code 0")


def test_what_the_harness_found_is_told_without_a_type():
    assert failure.because(Status.NO_OP, "no weight moved").cause == "no weight moved"
    assert failure.of_death(-11, killed_for_memory=False)[1].cause == "the process died of SIGSEGV"
    assert failure.of_timeout(15.0)[1].cause == "ended after hard_seconds = 15"


def test_an_error_of_the_harness_own_has_no_traceback_through_the_harness():
    assert told(PluginError("methods/lora.py:3: cannot be imported"))[2] == ""
    assert "in told" in told(KeyError("x"))[2]
