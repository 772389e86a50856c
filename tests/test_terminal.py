"""A terminal that lacks characters gets other words for them, and no escapes in place of dashes."""

import io
import sys

import pytest

from harness.cli import terminal

LINE = "ROUGE-1 21.9 (13.6–30.2), −0.7 × 3 → größer … “done”"


@pytest.fixture
def written(monkeypatch):
    """``written(encoding)``: what a terminal of this encoding gets of a line."""

    def write(encoding, errors="strict"):
        screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)
        monkeypatch.setattr(sys, "stdout", screen)
        terminal.use_plain_words()
        print(LINE, end="", flush=True)
        return screen.buffer.getvalue().decode(encoding)

    return write


@pytest.mark.parametrize("errors", ["strict", "surrogateescape", "backslashreplace"])
def test_ascii_gets_its_own_signs(written, errors):
    assert written("ascii", errors) == 'ROUGE-1 21.9 (13.6-30.2), -0.7 x 3 -> grosser ... "done"'


def test_latin_1_keeps_what_it_has(written):
    assert written("latin-1") == 'ROUGE-1 21.9 (13.6-30.2), -0.7 × 3 -> größer ... "done"'


def test_utf_8_is_left_alone(written):
    assert written("utf-8") == LINE


def test_a_character_without_other_words_is_escaped(monkeypatch):
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", screen)
    terminal.use_plain_words()
    print("中", end="", file=screen, flush=True)
    assert screen.buffer.getvalue() == b"\\u4e2d"
