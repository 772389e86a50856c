"""Plants each mutant in a copy of the project, runs the tests that should notice it, and counts who did not.

A mutant is a change of one line or two in one file; the TOML files beside this one list them. Prints a Markdown table
of figures by file and the mutants that survived; ends with 1 where one did that is not known to be harmless, or where
one could not be tried.

    python -m benchmarks.mutants                 all
    python -m benchmarks.mutants lora ia3        those in files of these names, or of these lists
    python -m benchmarks.mutants --jobs 2        two at a time
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tabulate import tabulate

ROOT = Path(__file__).parent.parent.parent
COPIED = ("benchmarks", "docs", "harness", "methods", "results", "tests", "conftest.py", "pyproject.toml", "README.md")
PATIENCE = 1200  # seconds for the tests of one mutant; who takes longer hangs, and was noticed
PASSED, FAILED = 0, 1  # pytest's exit codes; any other means that nothing was tested


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    HARMLESS = "harmless"  # survived, as was known
    BROKEN = "broken"  # the text to change is not there exactly once, or the tests did not run


@dataclass(frozen=True)
class Mutant:
    """A change of a file and the tests that should notice it: arguments for pytest."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    survives: str = ""  # why it may

    def fate(self) -> Fate:
        """What the tests say of the project with this change."""
        if (ROOT / self.file).read_text(encoding="utf-8").count(self.old) != 1:
            return Fate.BROKEN
        with TemporaryDirectory(prefix="tuneoff-mutant-") as name:
            folder = _copy(Path(name))
            path = folder / self.file
            path.write_text(path.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")
            code = _tested(folder, self.tests)
        if code == PASSED:
            return Fate.HARMLESS if self.survives else Fate.SURVIVED
        return Fate.KILLED if code == FAILED else Fate.BROKEN


def _copy(folder: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def _tested(folder: Path, tests: Sequence[str]) -> int:
    """pytest's exit code for these tests in a folder; that of a failure where they take too long."""
    line = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        return subprocess.run(line, cwd=folder, capture_output=True, timeout=PATIENCE).returncode
    except subprocess.TimeoutExpired:
        return FAILED


def listed(names: Sequence[str]) -> Iterator[Mutant]:
    """The mutants of all lists, or those in files of these names or of these lists."""
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        for mutant in table["mutants"]:
            if not names or path.stem in names or Path(mutant["file"]).stem in names:
                yield _mutant(mutant, table)


def _mutant(row: Mapping[str, Any], table: Mapping[str, Any]) -> Mutant:
    """A row of a list, with the list's own tests where it names none; ``{name}`` in them is the file's name."""
    tests = (test.format(name=Path(row["file"]).stem) for test in row.get("tests", table["tests"]))
    return Mutant(row["file"], row["old"], row["new"], tuple(tests), row.get("survives", ""))


def figures(fates: Sequence[tuple[Mutant, Fate]]) -> str:
    """How many of each file's mutants met which fate, as a Markdown table with a last row for all."""
    files = sorted({mutant.file for mutant, _ in fates})
    counts = {file: Counter(fate for mutant, fate in fates if mutant.file == file) for file in files}
    counts["all"] = Counter(fate for _, fate in fates)
    rows = [[file, count.total(), *(count[fate] for fate in Fate)] for file, count in counts.items()]
    return tabulate(rows, headers=["file", "mutants", *Fate], tablefmt="github")


def main() -> int:
    """Try the mutants that the command line names; 1 where one survived that should not, or could not be tried."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="MODULE", help="names of files without their folder, or of lists")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="number of mutants to try at a time")
    options = parser.parse_args()
    mutants = [*listed(options.names)]
    fates = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, fate in zip(mutants, pool.map(Mutant.fate, mutants), strict=True):
            fates.append((mutant, fate))
            if fate is not Fate.KILLED:
                print(f"{fate}: {mutant.file}: {mutant.old!r} -> {mutant.new!r} {mutant.survives}", flush=True)
            print(f"{len(fates)} of {len(mutants)}", file=sys.stderr)
    print("", figures(fates), sep="\n")
    return int(any(fate in (Fate.SURVIVED, Fate.BROKEN) for _, fate in fates))


if __name__ == "__main__":
    raise SystemExit(main())
