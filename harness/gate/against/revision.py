"""Another revision of a project as a folder: a git worktree in the temporary folder, removed after use."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ...spec import git
from ...spec.errors import RevisionError, unknown
from ..scratch import Scratch, abandoned

PREFIX = "tuneoff-against-"
TREE = "base"


class Revision:
    """A revision of the repository that contains the folder ``root``.

    Raises ``RevisionError`` if there is no git, no repository, no such revision, or no such folder in the revision.
    """

    def __init__(self, root: Path, name: str):
        self.name = name
        self._repository = Path(_git(root, "rev-parse", "--show-toplevel"))
        self._inside = root.resolve().relative_to(self._repository.resolve())
        self._commit = self._resolve()
        if self._inside != Path() and self._read("cat-file", "-t", self._at(self._inside)) != "tree":
            raise RevisionError(f"--against={name}: there is no folder {self._inside} in that revision")

    @property
    def title(self) -> str:
        """The given name and its commit: ``main (0a1b2c3d4e5f)``."""
        return f"{self.name} ({self._commit[:12]})"

    def text(self, path: Path) -> str | None:
        """A file's text in the revision; ``None`` if it is not there or outside the repository."""
        try:
            inside = path.resolve().relative_to(self._repository.resolve())
        except ValueError:
            return None
        return self._read("cat-file", "blob", self._at(inside))

    def files(self, folder: Path) -> list[str]:
        """The names in a folder in the revision; none if the folder is not there or outside the repository."""
        try:
            inside = folder.resolve().relative_to(self._repository.resolve())
        except ValueError:
            return []
        listed = self._read("ls-tree", "-z", "--name-only", self._at(inside)) or ""
        return [name for name in listed.split("\0") if name]

    def check_out(self) -> "Checkout":
        """Check the revision out into a temporary folder, and remove what killed sessions left behind."""
        for folder in self._abandoned():
            _forget(self._repository, folder)
        scratch = Scratch(PREFIX)
        try:
            hooks = ("-c", f"core.hooksPath={os.devnull}")  # hooks are meant for people's checkouts
            tree = str(scratch.folder / TREE)
            _git(self._repository, *hooks, "worktree", "add", "--detach", tree, self._commit)
        except RevisionError:
            scratch.close()
            raise
        return Checkout(scratch, self._repository, self._inside)

    def _resolve(self) -> str:
        commit = self._read("rev-parse", "--verify", "--quiet", "--end-of-options", f"{self.name}^{{commit}}")
        if commit and commit.isalnum():  # ^main means a revision to exclude
            return commit
        if self._read("rev-parse", "--is-shallow-repository") == "true":
            raise RevisionError(
                f"--against={self.name}: not in this clone, which is shallow; fetch the rest with "
                "git fetch --unshallow --tags (in GitHub Actions: fetch-depth: 0 for actions/checkout)"
            )
        known = self._read("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
        raise RevisionError(f"--against: {unknown('revision', self.name, (known or '').split())}")

    def _abandoned(self) -> Iterator[Path]:
        """The folders of sessions that ended without closing them."""
        listed = _git(self._repository, "worktree", "list", "--porcelain").splitlines()
        trees = [Path(line.partition(" ")[2]) for line in listed if line.startswith("worktree ")]
        for folder in (tree.parent for tree in trees if tree.name == TREE and tree.parent.name.startswith(PREFIX)):
            if not folder.exists() or abandoned(folder):
                yield folder

    def _at(self, inside: Path) -> str:
        return f"{self._commit}:{inside.as_posix()}"

    def _read(self, *arguments: str) -> str | None:
        """git's output; ``None`` if it fails."""
        return _read(self._repository, *arguments)


class Checkout:
    """A revision in a temporary folder of this session, with room for other files beside it."""

    def __init__(self, scratch: Scratch, repository: Path, inside: Path):
        self.scratch = scratch.folder
        self.folder = self.scratch / TREE / inside  # the project's folder in the revision
        self._scratch = scratch
        self._repository = repository

    def path(self) -> str:
        """A ``PYTHONPATH`` in which the revision's folders replace those of this process that are in the repository.

        Without it, modules in a project's own folders, such as ``src``, would be head's on both sides.
        """
        top = self._repository.resolve()
        own = [Path(entry).resolve() for entry in sys.path if entry]
        moved = [self.scratch / TREE / entry.relative_to(top) for entry in own if entry.is_relative_to(top)]
        others = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
        outside = [each for each in others if not Path(each).resolve().is_relative_to(top)]
        return os.pathsep.join([*(str(each) for each in moved if each.is_dir()), *outside])

    def place(self, path: Path) -> Path | None:
        """Where the revision has the file at this path; ``None`` if it has none there or is not about that path."""
        top, file = self._repository.resolve(), path.resolve()
        moved = self.scratch / TREE / file.relative_to(top) if file.is_relative_to(top) else None
        return moved if moved is not None and moved.is_file() else None

    def close(self) -> None:
        """Remove the folder, and the worktree's entry in the repository."""
        _forget(self._repository, self.scratch)
        self._scratch.close()


def _forget(repository: Path, folder: Path) -> None:
    _read(repository, "worktree", "remove", "--force", "--force", f"{folder / TREE}")


def _read(repository: Path, *arguments: str) -> str | None:
    try:
        return _git(repository, *arguments)
    except RevisionError:
        return None


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=git.environment(),
        )
    except OSError as error:
        raise RevisionError("--against needs git, but git is not in PATH") from error
    if done.returncode:
        reason = done.stderr.strip().removeprefix("fatal: ") or f"git {arguments[0]} failed"
        raise RevisionError(f"--against: {folder}: {reason}")
    return done.stdout.strip()
