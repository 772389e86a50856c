"""Another revision as a folder: what is in it, what is refused, and that nothing of it stays."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.gate.against.revision import Revision
from harness.spec.errors import RevisionError
from support.projects import ROOT
from support.repositories import commit, git, worktrees

KILLED = """\
import os, signal, sys
from pathlib import Path
from harness.gate.against.revision import Revision
revision = Revision(Path(sys.argv[1]), "main").check_out()
print(revision.scratch, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A temporary folder of the test's own; what lies in it."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def repository(tmp_path):
    """A repository with two revisions, ``v1`` and ``main``; ``inner/file`` is there from the second on."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "file").write_text("first\n")
    commit(folder)
    git(folder, "tag", "v1")
    (folder / "file").write_text("second\n")
    (folder / "inner").mkdir()
    (folder / "inner" / "file").write_text("inner\n")
    commit(folder)
    return folder


@pytest.fixture
def opened(repository):
    revision = Revision(repository, "v1").check_out()
    yield revision
    revision.close()


def refused(root, name):
    with pytest.raises(RevisionError) as error:
        Revision(root, name)
    return str(error.value)


def test_the_folder_holds_the_revision(opened):
    assert (opened.folder / "file").read_text() == "first\n"


def test_a_file_of_the_project_has_its_place_in_the_revision_if_it_is_there(opened, repository, tmp_path):
    assert opened.place(repository / "file").read_text() == "first\n"
    (tmp_path / "outside").write_text("elsewhere\n")
    for path in (repository / "inner" / "file", repository / "inner", tmp_path / "outside"):
        assert opened.place(path) is None


def test_what_is_not_committed_stays_as_it_is_and_is_not_in_the_folder(repository):
    (repository / "file").write_text("third\n")
    revision = Revision(repository, "HEAD").check_out()
    assert (revision.folder / "file").read_text() == "second\n"
    revision.close()
    assert (repository / "file").read_text() == "third\n"


def test_a_project_inside_a_repository_is_inside_the_revision(repository):
    revision = Revision(repository / "inner", "main").check_out()
    assert (revision.folder / "file").read_text() == "inner\n"
    revision.close()


def test_the_text_of_a_file_is_what_it_was(repository):
    revision = Revision(repository, "v1")
    assert revision.text(repository / "file") == "first"
    assert revision.text(repository / "inner" / "file") is None
    assert revision.text(ROOT / "README.md") is None


def test_the_files_of_a_folder_are_what_they_were_whatever_they_are_called(repository):
    (repository / "inner" / "prøve.py").write_text("")
    commit(repository)
    (repository / "inner" / "prøve.py").unlink()
    assert Revision(repository, "main").files(repository / "inner") == ["file", "prøve.py"]
    assert Revision(repository, "v1").files(repository / "inner") == []


def test_what_is_imported_from_the_repository_is_the_revisions(repository, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", ["", str(repository / "inner"), str(repository / "absent"), str(tmp_path)])
    monkeypatch.setenv("PYTHONPATH", f"{repository / 'inner'}:{tmp_path}")
    revision = Revision(repository, "main").check_out()
    assert revision.path() == f"{revision.folder / 'inner'}:{tmp_path}"
    revision.close()


def test_the_title_names_the_commit(repository):
    assert Revision(repository, "main").title == f"main ({git(repository, 'rev-parse', 'main')[:12]})"


def test_closing_leaves_nothing_behind(repository, temporary):
    before = git(repository, "status", "--porcelain")
    Revision(repository, "v1").check_out().close()
    assert worktrees(repository) == [str(repository)]
    assert list(temporary.iterdir()) == []
    assert git(repository, "status", "--porcelain") == before


def test_closing_twice_is_no_error(repository):
    revision = Revision(repository, "v1").check_out()
    revision.close()
    revision.close()


def test_what_a_killed_session_left_is_removed_by_the_next_one(repository, temporary):
    command = [sys.executable, "-c", KILLED, repository]
    killed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60)
    assert Path(killed.stdout.strip()).exists()
    assert len(worktrees(repository)) == 2
    Revision(repository, "v1").check_out().close()
    assert worktrees(repository) == [str(repository)]
    assert list(temporary.iterdir()) == []


def test_a_worktree_whose_folder_somebody_deleted_is_forgotten(repository):
    revision = Revision(repository, "v1").check_out()
    shutil.rmtree(revision.scratch)
    Revision(repository, "v1").check_out().close()
    assert worktrees(repository) == [str(repository)]


def test_what_another_session_uses_stays(repository, opened):
    Revision(repository, "main").check_out().close()
    assert (opened.folder / "file").exists()
    assert len(worktrees(repository)) == 2


def test_a_hook_of_the_repository_is_not_run(repository, opened):
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    Revision(repository, "v1").check_out().close()


def test_inside_a_git_hook_it_is_still_the_projects_own_repository(repository, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    commit(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert Revision(repository, "v1").text(repository / "file") == "first"


# --- What is refused


def test_an_unknown_revision_is_refused_with_the_closest_one(repository):
    assert refused(repository, "mian") == "--against: unknown revision 'mian'; did you mean 'main'? Known: main, v1"


@pytest.mark.parametrize("name", ["", "--all", "^main", "v1:file", "main extra"])
def test_what_is_no_revision_is_refused(repository, name):
    assert "unknown revision" in refused(repository, name)


def test_a_shallow_clone_without_the_revision_is_told_how_to_fetch_it(repository, tmp_path):
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(clone))
    found = refused(clone, "v1")
    assert "this clone, which is shallow" in found
    assert "git fetch --unshallow" in found
    assert "fetch-depth: 0" in found


def test_a_shallow_clone_that_has_the_revision_will_do(repository, tmp_path):
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(clone))
    revision = Revision(clone, "HEAD").check_out()
    assert (revision.folder / "file").read_text() == "second\n"
    revision.close()


def test_a_folder_that_is_in_no_repository_is_refused(tmp_path):
    assert refused(tmp_path, "main").startswith(f"--against: {tmp_path}: not a git repository")


def test_a_repository_without_a_commit_is_refused(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert "unknown revision 'HEAD'" in refused(tmp_path, "HEAD")


def test_a_folder_that_the_revision_does_not_have_is_refused(repository):
    assert refused(repository / "inner", "v1") == "--against=v1: there is no folder inner in that revision"


def test_a_machine_without_git_is_told_so(repository, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(repository, "v1") == "--against needs git, but git is not in PATH"
