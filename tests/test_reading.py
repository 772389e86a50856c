"""What counts of an answer is found in limited time, whatever the answer is."""

import time

import pytest

from harness.spec.errors import SuiteError
from harness.spec.suite import TaskTable
from harness.tasks import data, extracting
from harness.tasks.reading import Reading

ENDLESS, LONG = r"((?:a|aa)+)$", f"{'a' * 80}!"  # which can be split up in more ways than there are atoms
GSM8K = "Two and two is four.\n#### 4"


@pytest.fixture
def quick(monkeypatch):
    """A search may only take a tenth of a second."""
    monkeypatch.setattr(extracting, "MAX_SECONDS", 0.1)
    extracting.search.cache_clear()
    yield
    extracting.search.cache_clear()


@pytest.mark.parametrize(
    ("extract", "answer", "counts"),
    [
        ("#### (.*)", GSM8K, "4"),
        ("#### (.*)", "#### 1,000 \nQuestion: and 5? #### 5", "1,000"),
        ("#### (.*)", "It is 4.", None),
        ("#### (.*)", "#### ", None),
        ("yes|(no)", "yes", None),
        (r"(\d+)$", "one 2 3", "3"),
    ],
)
def test_what_counts_is_the_first_group_of_the_first_match(extract, answer, counts):
    assert Reading(extract=extract).read(answer) == counts


def test_an_answer_that_a_search_gets_lost_in_is_invalid_and_searched_once(quick):
    reading, began = Reading(extract=ENDLESS), time.process_time()
    assert [reading.read(text) for text in (LONG, "aaaa", LONG, LONG)] == [None, "aaaa", None, None]
    assert time.process_time() - began < 0.3


@pytest.mark.parametrize("skips", [False, True])
def test_a_target_that_a_search_gets_lost_in_is_told_with_the_pattern_before_anything_else(
    quick, skips, tmp_path, write
):
    path = write(tmp_path / "rows.jsonl", [{"q": f"Q {n}", "a": f"{LONG} {n}"} for n in range(10)])
    keys = {"columns": {"source": "q", "target": "a"}, "prompt": "{source}", "metrics": ["chrf"]}
    table = TaskTable(name="mine", data=str(path), extract=ENDLESS, skip_bad_rows=skips, **keys)
    with pytest.raises(SuiteError) as caught:
        data.load(table)
    assert str(caught.value).startswith(
        f"task.extract: {ENDLESS!r} was still being looked for after 0.1 seconds of computing, in the target 'aaa"
    )
