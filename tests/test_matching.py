"""A text is the label that it equals but for case and spaces."""

import pytest

from harness.tasks import matching
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


def test_labels_are_prepared_once_for_all_answers():
    labels = [f"label {number}" for number in range(77)]
    before = matching._known.cache_info().misses
    assert [label_of(f" LABEL  {number}", labels) for number in range(200)] == [*labels, *[None] * 123]
    assert matching._known.cache_info().misses == before + 1
