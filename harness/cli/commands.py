"""Publish the results of suites, in the root folder of the project that they are of.

publish: what ``pytest --benchmark`` left in results/local/<suite>/ becomes results/<suite>/. The whole suite must have
run. Its baseline stays as it is. render: the tables of results/<suite>/ are written again from the stored scores;
nothing is trained. migrate: what is published there is stored anew in today's schema, equal in all that it says, for a
project that comes from an older Tuneoff. After any of them, README.md shows the tables that it has marks for.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..session import publication
from ..spec import plan, registry
from ..spec import suite as suites
from ..spec.errors import UsageError
from ..spec.names import PACKAGE

README = Path("README.md")


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks for; ends with a message where it cannot be done."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {PACKAGE}", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("publish", "render", "migrate"))
    parser.add_argument("suites", nargs="+", metavar="SUITE", help="a suite's name or file")
    parser.add_argument(
        "--methods", action="append", type=Path, default=[], metavar="DIR", help="a folder with methods of the project"
    )
    asked = parser.parse_args(arguments)
    commands = {"publish": publication.publish, "render": publication.render, "migrate": publication.migrate}
    write = commands[asked.command]
    try:
        plugins = registry.discover(asked.methods)
        for suite in [plan.joined(suites.load(name), plugins) for name in asked.suites]:
            for path in write(Path("results").absolute(), suite, plugins):
                print(f"wrote {path}")
    except UsageError as error:
        raise SystemExit(str(error)) from error
    if README.exists() and publication.show(README):
        print(f"wrote {README}")
