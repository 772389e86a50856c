"""What can go wrong, as a tree.

TuneoffError
├── UsageError          the user requested something that cannot be done
│   ├── SuiteError      a suite file is missing, malformed or contradicts itself
│   ├── DataError       rows are missing or broken
│   ├── ModelError      a base model is not available, or did not load completely
│   ├── PluginError     a file of a method or a metric cannot be used
│   ├── StoreError      the results folder cannot be read or written
│   └── RevisionError   another revision of the project is not available
├── ContractError       a method returned something that the contract does not allow
├── Diverged            the training loss became NaN or infinite
└── Unsupported         a method cannot attach to this base model (not a failure)
"""

from collections.abc import Iterable
from difflib import get_close_matches


class TuneoffError(Exception):
    """The base class of every error that Tuneoff raises on purpose."""


class UsageError(TuneoffError):
    """A request that cannot be fulfilled; the message says what to do instead."""


class SuiteError(UsageError):
    """A suite that cannot be used."""


class DataError(UsageError):
    """Data that cannot be used."""


class ModelError(UsageError):
    """A base model that cannot be used."""


class PluginError(UsageError):
    """A file of a method or a metric that cannot be used."""


class StoreError(UsageError):
    """A results folder, or a file in one, that cannot be used."""


class RevisionError(UsageError):
    """A git revision that cannot be used for a comparison."""


class ContractError(TuneoffError):
    """A method broke the contract of ``build``, ``train`` or ``generate``, or a metric that of ``statistics``."""


class Diverged(TuneoffError):
    """The training loss became NaN or infinite."""


class Unsupported(TuneoffError):
    """A method cannot be used with this base model; the message is the reason. Methods raise it in ``build``."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """A message for a name that does not exist, with the closest match and all known names."""
    names = sorted(known)
    return f"unknown {kind} {name!r}{closest(name, names)} Known: {', '.join(names) or 'none'}"


def closest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: a question with the most similar known name, or a full stop."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else "."


def brief(text: object, longest: int = 40) -> str:
    """A text shortened to one line of at most ``longest`` characters, for a message."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
