"""What is named on the command line: a path that exists, whole and with its ``~``, else a hub id and its revision."""

from pathlib import Path

import pytest

from harness.models import hub
from harness.spec import suite, suite_file
from harness.spec.errors import UsageError
from harness.spec.paths import expanded, pinned
from harness.spec.suite import Suite


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with ``x``, ``x@v1`` and ``both@a``, and an empty working directory."""
    for name in ("x", "y@v1", "both@a"):
        (tmp_path / "home" / name).mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [
        ("google/flan-t5-small", "google/flan-t5-small", None),
        ("google/flan-t5-small@main", "google/flan-t5-small", "main"),
        ("google/flan-t5-small@refs/pr/1", "google/flan-t5-small", "refs/pr/1"),
        ("~/x", "~/x", None),
        ("~/y@v1", "~/y@v1", None),  # it exists under its whole name
        ("~/nowhere@v1", "~/nowhere@v1", None),  # no hub id, so it is refused as a path that does not exist
        ("./nowhere@v1", "./nowhere@v1", None),
        ("/nowhere@v1", "/nowhere@v1", None),
    ],
)
def test_a_name_is_a_path_or_a_hub_id_with_its_revision(home, text, name, revision):
    assert pinned("--model", text) == (name, revision)


@pytest.mark.parametrize(("text", "behind"), [("~/x@v1", "v1"), ("~/both@a@b", "b")])
def test_a_path_with_a_revision_is_refused(home, text, behind):
    with pytest.raises(UsageError, match=f"is a path, which has no revision; leave out @{behind}"):
        pinned("--model", text)


@pytest.mark.parametrize("text", ["google/flan-t5-small@", "@main"])
def test_half_a_name_is_refused(home, text):
    with pytest.raises(UsageError, match="expected a path, or a hub id such as"):
        pinned("--model", text)


def test_a_home_folder_is_meant_wherever_a_path_is_named(home):
    (home / "small.toml").write_text(
        '[task]\nname = "dialogsum"\ndata = "~/x"\n[budget]\nmax_steps = 1\n[run]\nmethods = ["lora"]\n'
    )
    found = suite.load("~/small.toml")
    assert hub.local(found.task.data) == home / "x"
    assert suite_file.tables(found)["task"]["data"] == str(home / "x")


def test_a_home_that_nobody_has_is_a_name_like_any_other(home):
    assert expanded("~no-such-user/x") == Path("~no-such-user/x")
    with pytest.raises(hub.Unavailable, match="no such file or folder"):
        hub.local("~no-such-user/x")


def test_a_suite_keeps_the_path_as_it_was_written(home):
    asked = {"task": {"name": "dialogsum", "data": "~/x"}, "budget": {"max_steps": 1}, "run": {"methods": ["lora"]}}
    assert Suite.model_validate({"name": "small", **asked}).task.data == "~/x"
