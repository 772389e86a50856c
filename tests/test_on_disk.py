"""A file of results is replaced as a whole: a reader, a crash or a second writer never meets half of one."""

import errno
import os
from pathlib import Path

import pytest

from harness.spec.errors import StoreError
from harness.store import on_disk


class Killed(BaseException):
    """The process ends here; nothing that catches exceptions sees it."""


@pytest.fixture
def path(tmp_path):
    """A file that is already there."""
    path = tmp_path / "lora-seed0.json"
    path.write_bytes(b"the old file")
    return path


def at_the_rename(monkeypatch, happens):
    """Let this happen just before the next file takes its place, and only then."""
    rename = Path.replace

    def replace(beside, path):
        monkeypatch.setattr(Path, "replace", rename)
        happens(beside)
        return beside.replace(path)

    monkeypatch.setattr(Path, "replace", replace)


def test_a_file_is_replaced_and_nothing_is_left_beside_it(path):
    on_disk.replace(path, b"the new file")
    assert path.read_bytes() == b"the new file"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_was_not_there_is_made(tmp_path):
    on_disk.replace(tmp_path / "new", b"\x00\xff")
    assert (tmp_path / "new").read_bytes() == b"\x00\xff"


def test_until_its_last_moment_a_reader_sees_the_old_file(path, monkeypatch):
    seen = []
    at_the_rename(monkeypatch, lambda beside: seen.extend([path.read_bytes(), beside.read_bytes()]))
    on_disk.replace(path, b"the new file")
    assert seen == [b"the old file", b"the new file"]


def test_all_of_it_is_on_the_disk_before_it_takes_its_place(path, monkeypatch):
    events, fsync = [], os.fsync

    def synchronise(number):
        events.append(f"{os.fstat(number).st_size} bytes to the disk")
        fsync(number)

    monkeypatch.setattr(os, "fsync", synchronise)
    at_the_rename(monkeypatch, lambda _: events.append("rename"))
    on_disk.replace(path, b"the new file")
    assert events == ["12 bytes to the disk", "rename"]


def test_who_is_killed_at_the_last_moment_leaves_the_old_file(path, monkeypatch):
    def kill(beside):
        raise Killed

    at_the_rename(monkeypatch, kill)
    with pytest.raises(Killed):
        on_disk.replace(path, b"the new file")
    assert path.read_bytes() == b"the old file"


def test_what_cannot_take_its_place_is_told_and_leaves_the_room_it_took(path, monkeypatch):
    def refuse(beside):
        raise OSError(errno.EROFS, "Read-only file system")

    at_the_rename(monkeypatch, refuse)
    with pytest.raises(OSError, match="Read-only file system"):
        on_disk.replace(path, b"the new file")
    assert path.read_bytes() == b"the old file"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_begun_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        on_disk.replace(tmp_path / "no such folder" / "file", b"")


def test_two_processes_that_write_the_same_file_do_not_meet(path, monkeypatch):
    def write_by_another(beside):
        monkeypatch.setattr(os, "getpid", lambda: 1)
        on_disk.replace(path, b"the other's")

    at_the_rename(monkeypatch, write_by_another)
    on_disk.replace(path, b"the last")
    assert path.read_bytes() == b"the last"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_half_written_is_hidden_and_ends_as_what_is_tidied_away(path, monkeypatch):
    names = []
    at_the_rename(monkeypatch, lambda beside: names.append(beside.name))
    on_disk.replace(path, b"")
    assert names == [f".lora-seed0.json.{os.getpid()}.tmp"]


def test_a_file_is_read_whole(path):
    assert on_disk.read(path) == on_disk.read(str(path)) == b"the old file"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG], ids=errno.errorcode.get)
def test_where_there_is_no_room_the_remedy_is_to_make_some(tmp_path, number):
    with pytest.raises(StoreError) as error, on_disk.writing(tmp_path):
        raise OSError(number, "No room")
    assert str(error.value) == (
        f"{tmp_path}: cannot be written to: No room; free some space, or choose another folder with --results=DIR"
    )


def test_where_writing_is_forbidden_room_is_no_remedy(tmp_path):
    with pytest.raises(StoreError) as error, on_disk.writing(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert str(error.value) == (
        f"{tmp_path}: cannot be written to: Permission denied; choose another folder with --results=DIR"
    )


def test_another_fault_is_not_taken_for_the_disks(tmp_path):
    with pytest.raises(KeyError), on_disk.writing(tmp_path):
        raise KeyError("lora")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"schema": 3}', "written by a newer version of Tuneoff (schema 3, this one reads 2)"),
        ('{"schema": 0}', "written by an older version of Tuneoff (schema 0, this one reads 2)"),
        ('{"schema": "beta"}', "written by an older version of Tuneoff (schema beta, this one reads 2)"),
        ('{"schema": 2}', None),
        ('{"schema": 1}', None),
        ("{}", None),
        ("[1]", None),
        ("{", None),
        ("[" * 100_000, None),
    ],
    ids=["newer", "older", "a word", "its own", "one that is still read", "none", "a list", "no JSON", "too deep"],
)
def test_a_file_of_another_schema_is_told_from_one_that_is_broken(path, content, told):
    path.write_text(content)
    assert on_disk.foreign(path, 2) == told


def test_a_file_that_is_not_there_is_of_no_other_schema(tmp_path):
    assert on_disk.foreign(tmp_path / "none", 2) is None
