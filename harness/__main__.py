"""``python -m tuneoff <command>``, in the repository ``python -m harness``; the commands are in ``cli.commands``."""

from .cli.commands import main

if __name__ == "__main__":
    main()
