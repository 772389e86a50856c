"""On which architectures methods run, in ``docs/models.md``. ``python -m harness.catalogue.models`` writes it.

Every method is tried on every architecture. If one of them does not do what it says, the command lists all such cases
and fails, and the page stays as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tabulate import tabulate

from ..method import Method
from ..run import loader
from ..spec import registry
from ..spec.errors import Unsupported, brief
from . import attempt
from .architectures import DECODER_ONLY, ENCODER_DECODER

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
MARKS = re.compile(
    r"(?P<begin><!-- architectures and methods: .*? -->\n\n).*?(?P<end>\n\n<!-- end of architectures and methods -->)",
    re.S,
)
KINDS = {"encoder-decoder": ENCODER_DECODER, "decoder-only": DECODER_ONLY}
METHODS = tuple(attempt.EXPECTED)
EVERYWHERE = "All of these methods do what they are meant to on these architectures:"
EXCEPTIONS = "The same holds for these, except for the method that is named:"
MAX_MESSAGE_CHARACTERS = 500


@dataclass(frozen=True)
class Cell:
    """How a method fares on an architecture: it does what it says, or is not supported, or fails."""

    unsupported: str = ""  # the method's reason
    failure: str = ""


Cells = Mapping[tuple[str, str], Cell]  # by architecture and method


def write(page: Path = PAGE) -> None:
    """Try everything and write the results into the page; exit with a list of the failures if there are any."""
    found = cells()
    failures = [f"{method} on {name}: {one.failure}" for (name, method), one in found.items() if one.failure]
    if failures:
        raise SystemExit("\n".join(failures))
    page.write_text(shown(page.read_text(encoding="utf-8"), found), encoding="utf-8")


def cells() -> Cells:
    """Every method on every architecture."""
    return {(name, method): cell(name, method) for kind in KINDS.values() for name in kind for method in METHODS}


def cell(architecture: str, method: str) -> Cell:
    """One method on one architecture."""
    try:
        return Cell(failure="; ".join(attempt.problems(architecture, method, _class(method))))
    except Unsupported as error:
        return Cell(unsupported=str(error))
    except Exception as error:  # libraries raise anything, and all failures are listed at once
        return Cell(failure=f"{type(error).__name__}: {brief(error, MAX_MESSAGE_CHARACTERS)}")


def shown(page: str, found: Cells) -> str:
    """The page with these cells in place of those that it has."""
    return MARKS.sub(lambda marks: f"{marks['begin']}{listed(found)}{marks['end']}", page)


def listed(found: Cells) -> str:
    """As Markdown: for each kind of model, where every method does what it says; then a table of the exceptions."""
    exceptions = {place: one.unsupported for place, one in found.items() if one.unsupported}
    lacking = {name for name, _ in exceptions}
    whole = {kind: ", ".join(f"`{name}`" for name in names if name not in lacking) for kind, names in KINDS.items()}
    parts = [EVERYWHERE, "\n".join(f"- {kind}: {names}" for kind, names in whole.items())]
    if exceptions:
        rows = [[f"`{name}`", f"`{method}`", reason] for (name, method), reason in exceptions.items()]
        headers = ["architecture", "method", "why it is unsupported"]
        parts += [EXCEPTIONS, tabulate(rows, headers, tablefmt="github", disable_numparse=True)]
    return "\n\n".join(parts)


@cache
def _class(method: str) -> type[Method]:
    return loader.load(registry.discover()[method], {})


if __name__ == "__main__":
    write()
