"""Plants small bugs one at a time, runs the tests that should notice each, and counts those that none noticed.

A mutant is a change of a line or two in one file; the TOML files beside this one list them. The tests must pass
without them. Prints the mutants that survived, and a Markdown table of figures by file; ends with 1 where a mutant
survived that is not known to be harmless, or could not be tried.

    python -m benchmarks.mutants                 all
    python -m benchmarks.mutants lora ia3        those in files of these names, or of these lists
    python -m benchmarks.mutants --jobs 2        two at a time
"""

import argparse
import os
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.mutants.mutant import PASSED, Fate, Mutant, outcome


def listed(names: Sequence[str]) -> Iterator[Mutant]:
    """The mutants of all lists, or those in files of these names or of these lists."""
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        for row in table["mutants"]:
            if not names or path.stem in names or Path(row["file"]).stem in names:
                yield _mutant(row, table)


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


def tried(mutants: Sequence[Mutant], jobs: int) -> Iterator[tuple[Mutant, Fate]]:
    """Each mutant with its fate; those that were not killed are printed as they are found."""
    with ThreadPoolExecutor(jobs) as pool:
        for number, (mutant, fate) in enumerate(zip(mutants, pool.map(Mutant.fate, mutants), strict=True), 1):
            if fate is not Fate.KILLED:
                print(f"{fate}: {mutant.file}: {mutant.old!r} -> {mutant.new!r} {mutant.survives}".strip(), flush=True)
            print(f"{number} of {len(mutants)}", file=sys.stderr)
            yield mutant, fate


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants that the command line names; 1 where one survived that should not, or could not be tried."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="MODULE", help="names of files without their folder, or of lists")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="number of mutants to try at a time")
    options = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"  # mutants side by side would wait for each other's threads
    mutants = [*listed(options.names)]
    files = sorted({test for mutant in mutants for test in mutant.tests if test.endswith(".py")})
    if outcome(files) != PASSED:
        print(f"without any mutant the tests fail: {' '.join(files)}", file=sys.stderr)
        return 1
    fates = [*tried(mutants, options.jobs)]
    print("", figures(fates), sep="\n")
    return int(any(fate not in (Fate.KILLED, Fate.HARMLESS) for _, fate in fates))


if __name__ == "__main__":
    raise SystemExit(main())
