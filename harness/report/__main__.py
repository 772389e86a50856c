"""Write the report of stored results again, from their records alone: ``python -m harness.report results/embedded``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..spec.errors import StoreError, UsageError
from ..spec.names import PACKAGE
from ..store.results import Store
from . import comparable, html, tables


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the report of each folder; exit with a message if that is not possible."""
    parser = argparse.ArgumentParser(prog=f"python -m {PACKAGE}.report", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="the results of a suite")
    for folder in parser.parse_args(arguments).folders:
        try:
            print(f"wrote {rebuilt(folder)}")
        except UsageError as error:
            raise SystemExit(str(error)) from error


def rebuilt(folder: Path) -> Path:
    """Write the report of a suite's results; raises ``StoreError`` if there are none.

    If the runs cannot all be compared, the report is about the largest group that can.
    """
    place = folder.resolve()
    store = Store(place.parent, place.name)
    stored = store.read_runs()
    if not stored:
        raise StoreError(f"{folder}: there are no results; run the suite with pytest --benchmark")
    here = store.read_preflight()
    records = comparable.runs(stored, here)
    seeds = sorted({record.spec.seed for record in records})
    leakage = here.leakage if here and here.data_hash == records[0].provenance.data_hash else None
    left_out = sorted({record.spec.name for record in stored} - {record.spec.name for record in records})
    shown = tables.tables(store, seeds, tables.entries(store, records), leakage, left_out)
    return html.write(store, seeds, shown)


if __name__ == "__main__":
    main()
