"""Publish the results of suites. Run this command in the project's root folder.

publish: copy the results of ``pytest --benchmark`` from results/local/<suite>/ to results/<suite>/. The whole suite
must have run. The baseline is not changed. render: write the tables of results/<suite>/ again from the stored scores;
nothing is trained. migrate: store the published results in the current schema, with the same content, for a project
that used an older version of Tuneoff. Each command also updates the tables that are marked in README.md.
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exit with a message if that is not possible."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {PACKAGE}", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("publish", "render", "migrate"))
    parser.add_argument("suites", nargs="+", metavar="SUITE", help="a suite's name or file")
    parser.add_argument(
        "--methods", action="append", type=Path, default=[], metavar="DIR", help="a folder with the project's methods"
    )
    asked = parser.parse_args(arguments)
    results = Path("results").absolute()
    try:
        plugins = registry.discover(asked.methods)
        commands: Mapping[str, Callable[[Path, Suite], list[Path]]] = {
            "publish": partial(publication.publish, plugins=plugins),
            "render": publication.render,
            "migrate": publication.migrate,
        }
        for suite in [plan.joined(suites.load(name), plugins) for name in asked.suites]:
            for path in commands[asked.command](results, suite):
                print(f"wrote {path}")
    except UsageError as error:
        raise SystemExit(str(error)) from error
    if README.exists() and publication.show(README):
        print(f"wrote {README}")
