"""``python -m harness``: options may stand anywhere, and what is no option is told as such."""

import pytest

from harness.cli import commands

USAGE = 2  # argparse's exit code


@pytest.mark.parametrize(
    "arguments",
    [
        ["publish", "embedded", "--methods", "nowhere"],
        ["publish", "--methods", "nowhere", "embedded"],
        ["--methods", "nowhere", "publish", "embedded"],
        ["publish", "embedded", "--methods=nowhere", "smoke"],
        ["--methods=nowhere", "publish", "embedded", "--methods", "elsewhere"],
    ],
    ids=" ".join,
)
def test_an_option_counts_wherever_it_stands(arguments):
    with pytest.raises(SystemExit, match="method_paths: nowhere: no such file or folder"):
        commands.main(arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "suite", "mine.jsonl", "--metrics=bleu"], "unrecognized arguments: --metrics=bleu"),
        (["--metrics=bleu", "new", "suite", "mine.jsonl"], "unrecognized arguments: --metrics=bleu"),
        (["new", "suite", "mine.jsonl", "--tasks", "tasks"], "new has no option --tasks"),
        (["--methods", "methods", "new", "suite", "mine.jsonl"], "new has no option --methods"),
        (["publish", "embedded", "--method", "methods"], "unrecognized arguments: --method"),
        (["publish", "embedded", "--methods"], "argument --methods: expected one argument"),
        (["publish"], "the following arguments are required: SUITE"),
        (["new", "suite"], "the following arguments are required: FILE"),
        (["new", "task", "mine.jsonl"], "invalid choice: 'task' (choose from 'suite')"),
        (["publsh", "embedded"], "invalid choice: 'publsh'"),
        ([], "the following arguments are required: publish | render | migrate | new"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_asked_for_is_a_usage_error(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        commands.main(arguments)
    assert ended.value.code == USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["publish", "--help"], ["--help", "--methods", "methods"]], ids=" ".join
)
def test_help_is_shown_and_names_the_options(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        commands.main(arguments)
    assert ended.value.code == 0
    assert "options" in capsys.readouterr().out.lower()
