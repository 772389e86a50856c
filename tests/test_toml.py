"""What is written as TOML is read back as the same values, whatever characters it has."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from harness.spec import toml
from harness.spec.errors import UsageError

TEXTS = some.text(some.characters(exclude_categories=["Cs"]))
VALUES = some.recursive(
    TEXTS | some.booleans() | some.integers() | some.floats(allow_nan=False),
    lambda inner: some.lists(inner) | some.dictionaries(TEXTS, inner),
)


@given(VALUES)
def test_every_value_comes_back(value):
    assert tomllib.loads(f"it = {toml.written(value)}") == {"it": value}


@given(TEXTS)
def test_every_key_comes_back(name):
    assert tomllib.loads(f"{toml.key(name)} = 1") == {name: 1}


@given(some.text())
def test_a_comment_is_one_and_shows_no_control_character(text):
    written = toml.comment(text)
    assert tomllib.loads(f"it = 1  # {written}") == {"it": 1}
    assert written.isprintable()


def test_what_needs_no_quotes_has_none():
    assert toml.written({"max-steps_2": [1, True, "a\x7f\n"]}) == '{ max-steps_2 = [1, true, "a\\U0000007F\\n"] }'
    assert toml.comment(" the\nfirst \x1b[31mword") == "the first �[31mword"


def test_half_a_character_is_refused_by_name():
    with pytest.raises(UsageError, match=r"'a\\ud800': has half a character"):
        toml.written(["a\ud800"])
