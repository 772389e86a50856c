"""The imports between the entries of ``harness/``: its packages and its top-level modules.

An arrow leads from one entry to another that it imports, anywhere in a file. What each entry may import is read from
the table in ``docs/architecture.md`` alone.

    python -m benchmarks.arrows             the figures, as a Markdown table
    python -m benchmarks.arrows --each      also every arrow, with the importing modules
"""

import argparse
import ast
import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

ROOT = Path(__file__).parents[1]
PAGE = Path("docs", "architecture.md")
HEADERS = ["| room |", "| may import |"]  # the table's first and last columns
NAME = re.compile(r"`(\w+)(?:/|\.py)?`")

Arrows = Mapping[tuple[str, str], Sequence[str]]  # importing modules, by importing and imported entry


def modules(root: Path, package: str) -> dict[str, Path]:
    """The files of a package's modules and sub-packages, by dotted name, without the package itself."""
    files = {path: path.relative_to(root).with_suffix("") for path in sorted((root / package).rglob("*.py"))}
    names = {".".join(name.parts).removesuffix(".__init__"): path for path, name in files.items()}
    return {name: path for name, path in names.items() if name != package}


def needs(module: str, known: Mapping[str, Path]) -> set[str]:
    """The modules of this repository that a known module imports."""
    path = known[module]
    return imports(path, known, module if path.name == "__init__.py" else module.rpartition(".")[0])


def imports(path: Path, known: Mapping[str, Path], package: str = "") -> set[str]:
    """The modules of this repository that a file imports, anywhere in the file; ``known`` are all modules.

    Relative imports start from ``package``.
    """
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            inner = {f"{source}.{alias.name}" for alias in node.names}
            found |= {name if name in known else source for name in inner}
    return {name for name in found if name.split(".")[0] in ("harness", "methods")}


def entry(module: str) -> str:
    """The entry that a module of ``harness`` belongs to."""
    return module.split(".")[1]


def arrows(root: Path = ROOT) -> dict[tuple[str, str], list[str]]:
    """All arrows between two entries."""
    known, found = modules(root, "harness"), dict[tuple[str, str], list[str]]()
    for module in known:
        for name in sorted(needs(module, known)):
            ends = entry(module), entry(f"{name}.")  # ``harness`` itself has nothing to import
            if ends[0] != ends[1]:
                found.setdefault(ends, []).append(module)
    return found


def allowed(root: Path = ROOT) -> dict[str, set[str]]:
    """What each entry may import, according to the table in ``docs/architecture.md``.

    Raises ``ValueError`` if there is no such table.
    """
    lines = (root / PAGE).read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(HEADERS[0]) and line.endswith(HEADERS[1])]
    if len(starts) != 1:
        raise ValueError(f"{PAGE}: expected one table from {HEADERS[0]!r} to {HEADERS[1]!r}, found {len(starts)}")
    table: dict[str, set[str]] = {}
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        first, *_, last = line.strip("|").split("|")
        table |= {name: set(NAME.findall(last)) for name in NAME.findall(first)}
    return table


def against(found: Arrows, table: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The arrows that the table does not allow."""
    return [(one, other) for one, other in found if other not in table.get(one, set())]


def in_cycles(found: Arrows) -> list[str]:
    """The entries that import themselves, directly or indirectly."""
    heads: dict[str, set[str]] = {}
    for one, other in found:
        heads.setdefault(one, set()).add(other)
    return [one for one in sorted(heads) if one in _reached(heads, one)]


def _reached(heads: Mapping[str, set[str]], start: str) -> set[str]:
    reached, left = set[str](), set(heads[start])
    while left:
        one = left.pop()
        reached.add(one)
        left |= heads.get(one, set()) - reached
    return reached


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--each", action="store_true", help="list every arrow")
    options.add_argument("--root", type=Path, default=ROOT, metavar="DIR", help="another checkout of the project")
    asked = options.parse_args(arguments)
    found, known = arrows(asked.root), modules(asked.root, "harness")
    table = allowed(asked.root) if (asked.root / PAGE).exists() else None
    figures = [
        ("entries", len({entry(module) for module in known})),
        ("modules", len(known)),
        ("arrows", len(found)),
        ("arrows against the table", "no table" if table is None else len(against(found, table))),
        ("entries in a cycle", len(in_cycles(found))),
    ]
    print(tabulate(figures, headers=["of `harness/`", "number"], tablefmt="github"))
    if asked.each:
        print()
        for (one, other), places in sorted(found.items()):
            print(f"{one} imports {other} in {', '.join(dict.fromkeys(places))}")


if __name__ == "__main__":
    main()
