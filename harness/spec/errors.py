"""What can go wrong, as a tree.

TuneoffError
├── UsageError          the person asked for something that cannot be done
│   ├── SuiteError      a suite file is missing, malformed or contradicts itself
│   ├── DataError       rows are missing or broken
│   ├── ModelError      a base model cannot be had, or did not load whole
│   ├── PluginError     a method file cannot be used
│   ├── StoreError      the results folder cannot be read or written
│   └── RevisionError   another revision of the project cannot be had
├── ContractError       a method returned what the contract does not allow
├── Diverged            the loss is no longer a number
└── Unsupported         a method cannot attach to this base model (not a failure)
"""

from collections.abc import Iterable
from difflib import get_close_matches


class TuneoffError(Exception):
    """The root of every error that Tuneoff raises on purpose."""


class UsageError(TuneoffError):
    """Something that was asked for cannot be done; the message says what to do instead."""


class SuiteError(UsageError):
    """A suite that cannot be used."""


class DataError(UsageError):
    """Data that cannot be used."""


class ModelError(UsageError):
    """A base model that cannot be used."""


class PluginError(UsageError):
    """A method file that cannot be used."""


class StoreError(UsageError):
    """A results folder or one of its files that cannot be used."""


class RevisionError(UsageError):
    """A git revision that cannot be compared with."""


class ContractError(TuneoffError):
    """A method broke the contract of ``build``, ``train`` or ``generate``."""


class Diverged(TuneoffError):
    """The training loss became NaN or infinite."""


class Unsupported(TuneoffError):
    """Raised in ``build`` by a method that cannot attach to the base model; the message is the reason."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """A message for a name that does not exist: the closest match, and all that do exist."""
    names = sorted(known)
    return f"unknown {kind} {name!r}{closest(name, names)} Known: {', '.join(names) or 'none'}"


def closest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: a question that names the known one most like it, or a full stop."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else "."


def brief(text: object, longest: int = 40) -> str:
    """A text for a message, on one line, which ends somewhere."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
