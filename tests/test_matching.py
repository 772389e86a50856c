"""A text is the label that it equals but for case and spaces."""

import pytest

from harness.tasks.matching import label_of


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("card lost", "card lost"),
        (" Card \n LOST", "card lost"),
        ("Yes", "Yes"),
        ("yes", "yes"),
        ("YES ", "Yes"),
        ("card lost.", None),
        ("", None),
    ],
)
def test_a_text_is_the_label_that_it_equals_but_for_case_and_spaces(text, label):
    assert label_of(text, ["card lost", "Yes", "yes"]) == label
