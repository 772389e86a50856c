"""A plugin's words, as they may be shown anywhere."""

from pathlib import Path

from harness import failure


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
