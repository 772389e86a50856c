"""What a person names on the command line or in a suite: a path, or a hub id with its revision."""

from pathlib import Path

from .errors import UsageError


def expanded(text: str) -> Path:
    """The path, with ``~`` for a home folder; the shell leaves it alone in ``--model=~/x``."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody's home
        return Path(text)


def shown(path: Path) -> Path:
    """The path as people are told it: from the working directory where it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def pinned(option: str, text: str) -> tuple[str, str | None]:
    """A path, or a hub id and the revision behind its ``@``; what exists under the whole name is a path.

    Raises ``UsageError`` for a path with a revision, which it does not have.
    """
    name, at, revision = text.partition("@")
    if not at or expanded(text).exists():
        return text, None
    if not name or not revision:
        raise UsageError(f"{option}={text}: expected a path, or a hub id such as google/flan-t5-small@main")
    path, _, behind = text.rpartition("@")
    if expanded(path).exists():
        raise UsageError(f"{option}={text}: {path} is a path, and has no revision; leave out @{behind}")
    return (text, None) if text.startswith(("/", ".", "~")) else (name, revision)
