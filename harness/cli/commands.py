"""Publish the results of suites, and write the first suite for a file. Run these commands in the project's root folder.

publish: copy the results of ``pytest --benchmark`` from results/local/<suite>/ to results/<suite>/. The whole suite
must have run. The baseline is not changed. render: write the tables of results/<suite>/ again from the stored scores;
nothing is trained. migrate: store the published results in the current schema, with the same content, for a project
that used an older version of Tuneoff. Each of these commands also updates the tables that are marked in README.md.

new suite FILE: look at a file or folder of data, guess what task it is for, and write a suite for it into the working
directory.

Options may stand anywhere.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from ..session import publication
from ..spec import plan, registry
from ..spec import suite as suites
from ..spec.errors import UsageError
from ..spec.names import PACKAGE
from ..spec.suite import Suite

README = Path("README.md")
PUBLISHING = ("publish", "render", "migrate")  # commands about suites
FOLDERS = ("methods", "tasks")  # of a project, which those commands need


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exit with a message if that is not possible."""
    asked = _asked(arguments)
    try:
        if asked.command == "new":
            from ..session import new_suite  # takes a second, since it reads data

            print("\n".join(new_suite.write(asked.data, Path.cwd())))
            return
        _publish(asked)
    except UsageError as error:
        raise SystemExit(str(error)) from error
    if README.exists() and publication.show(README):
        print(f"wrote {README}")


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command with its options, wherever they stand; exits with what is wrong."""
    options, rest = _folders([]).parse_known_args(arguments)
    parser = _parser()
    asked = parser.parse_args(rest, options)
    if asked.command not in PUBLISHING and (given := [name for name in FOLDERS if getattr(asked, name)]):
        parser.error(f"{asked.command} has no option --{given[0]}")
    return asked


def _folders(default: object) -> argparse.ArgumentParser:
    """The options of the commands about suites."""
    parser = argparse.ArgumentParser(prog=f"python -m {PACKAGE}", add_help=False, allow_abbrev=False)
    for option in FOLDERS:
        text = f"a folder with the project's {option}"
        parser.add_argument(f"--{option}", action="append", type=Path, default=default, metavar="DIR", help=text)
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {PACKAGE}", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar=f"{' | '.join(PUBLISHING)} | new")
    for name in PUBLISHING:
        command = commands.add_parser(name, parents=[_folders(argparse.SUPPRESS)], allow_abbrev=False)
        command.add_argument("suites", nargs="+", metavar="SUITE", help="a suite's name or file")
    new = commands.add_parser("new")
    new.add_argument("kind", choices=["suite"])
    new.add_argument("data", metavar="FILE", help="JSON lines, CSV, Parquet or another kind of data, or a folder")
    return parser


def _publish(asked: argparse.Namespace) -> None:
    """Publish, render or migrate the results of suites."""
    results = Path("results").absolute()
    plugins = registry.discover(asked.methods)
    commands: Mapping[str, Callable[[Path, Suite], list[Path]]] = {
        "publish": partial(publication.publish, plugins=plugins),
        "render": publication.render,
        "migrate": publication.migrate,
    }
    loaded = [suites.load(name, task_folders=asked.tasks) for name in asked.suites]
    for suite in [plan.joined(each, plugins) for each in loaded]:
        for path in commands[asked.command](results, suite):
            print(f"wrote {path}")
