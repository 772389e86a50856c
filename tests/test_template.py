"""A prompt is text with names of columns, which are replaced by texts and never evaluated."""

import pytest

from harness.spec.template import Template


def test_names_in_braces_are_replaced_and_double_braces_are_braces():
    template = Template.of("{{{a}}}, {b} and {a} again.")
    assert template.names == ("a", "b")
    assert template.filled({"a": "one", "b": "two"}) == "{one}, two and one again."


def test_a_text_that_is_filled_in_is_not_read_as_a_template():
    assert Template.of("Say {a}.").filled({"a": "{b} {0} {{"}) == "Say {b} {0} {{."


@pytest.mark.parametrize("name", ["a.upper", "a[0]", "__class__", "the text", "größe"])
def test_whatever_is_in_the_braces_is_the_name_of_a_column(name):
    assert Template.of(f"{{{name}}}").filled({name: "as it is"}) == "as it is"


@pytest.mark.parametrize("text", ["{}", "{ }", "{a!r}", "{a:>10}", "{a:{b}}"])
def test_braces_with_more_or_less_than_a_name_are_refused(text):
    with pytest.raises(ValueError, match="has braces with more or less than a name"):
        Template.of(text)


@pytest.mark.parametrize("text", ["{a", "a}", "{a}}", "{"])
def test_an_unpaired_brace_is_refused(text):
    with pytest.raises(ValueError, match="has an unpaired brace"):
        Template.of(text)


def test_what_stands_around_all_names_is_known():
    assert Template.of("Read {{this}}: {a}, {b}. Answer: ").frame == ("Read {this}: ", ". Answer: ")
    assert Template.of("No name.").frame == ("No name.", "")


def test_some_names_can_be_settled_for_all_rows():
    template = Template.of("From {x} to {y}: {a}").settled({"x": "here", "y": "there {a}"})
    assert (template.names, template.frame) == (("a",), ("From here to there {a}: ", ""))


def test_a_name_can_be_another():
    assert Template.of("{article}!").renamed({"article": "source"}).filled({"source": "Hi"}) == "Hi!"
