"""Git commands are about the folder that they name, also in a session that a git hook starts."""

from harness.run import environment
from harness.spec import git
from support.repositories import commit


def test_what_a_hook_sets_is_left_out_and_the_rest_is_kept(monkeypatch):
    for name in (*git.HOOK_VARIABLES, "GIT_AUTHOR_NAME"):
        monkeypatch.setenv(name, "of the hook")
    kept = git.environment()
    assert [name for name in git.HOOK_VARIABLES if name in kept] == []
    assert kept["GIT_AUTHOR_NAME"] == "of the hook"


def test_the_recorded_commit_is_never_that_of_a_hooks_repository(tmp_path, monkeypatch):
    usual, other = environment._commit.__wrapped__(), commit(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert environment._commit.__wrapped__() == usual
    assert not (usual or "").startswith(other[:12])


def test_without_git_no_commit_is_recorded(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert environment._commit.__wrapped__() is None
