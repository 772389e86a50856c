"""``python -m harness <command>``; the commands are in ``harness.cli.commands``."""

from .cli.commands import main

if __name__ == "__main__":
    main()
