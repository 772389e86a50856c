"""Paths and hub ids with revisions, as named on the command line or in a suite."""

from pathlib import Path

from .errors import UsageError


def expanded(text: str) -> Path:
    """The path, with the home folder in place of ``~``, since the shell does not expand it in ``--model=~/x``."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no such home folder
        return Path(text)


def shown(path: Path) -> Path:
    """The path as shown to people: relative to the working directory if it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def pinned(option: str, text: str) -> tuple[str, str | None]:
    """A path and no revision, or a hub id and the revision after its ``@``; a text that exists as a path is one.

    Raises ``UsageError`` for a path with a revision, since paths have none.
    """
    name, at, revision = text.partition("@")
    if not at or expanded(text).exists():
        return text, None
    if not name or not revision:
        raise UsageError(f"{option}={text}: expected a path, or a hub id such as google/flan-t5-small@main")
    path, _, behind = text.rpartition("@")
    if expanded(path).exists():
        raise UsageError(f"{option}={text}: {path} is a path, which has no revision; leave out @{behind}")
    return (text, None) if text.startswith(("/", ".", "~")) else (name, revision)
