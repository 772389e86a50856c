"""Many runs take time in proportion to their number: nothing is read twice, and nothing is done for pairs of them."""

import sys
from collections import Counter

import pytest

from harness.ranking import leaderboard
from harness.report import __main__ as command
from harness.report import examples
from harness.report.contents import to_json
from harness.store.results import Store
from support import reports
from support.records import entry
from support.reports import USUAL

NAMES = [made.name for made in USUAL]


class Listing(Store):
    """Stored results that count how often the answers of each run were read."""

    def __init__(self, root, suite):
        super().__init__(root, suite)
        self.counts = Counter()

    def read_predictions(self, spec, most=None):
        self.counts[spec.name] += 1
        return super().read_predictions(spec, most)


@pytest.fixture
def folder(tmp_path):
    return reports.store(tmp_path, USUAL, seeds=range(4))


def calls(work):
    """How many functions are called; the first time may also import and fill caches."""
    count = 0

    def counted(_, event, __):
        nonlocal count
        count += event in ("call", "c_call")

    work()
    sys.setprofile(counted)
    work()
    sys.setprofile(None)
    return count


def test_the_answers_of_a_run_are_read_once(folder):
    store = Listing(folder.parent, folder.name)
    found = examples.examples(store, store.read_runs(), NAMES)
    assert found["seeds"] == [0, 1, 2, 3]
    assert store.counts == dict.fromkeys((f"{name}-seed{seed}" for name in NAMES for seed in range(4)), 1)


@pytest.mark.parametrize(("share", "kept", "read"), [(0.8, 2, 3), (0.1, 1, 1)])
def test_seeds_for_which_a_page_has_no_room_are_not_read_beyond_the_first_of_them(
    folder, monkeypatch, share, kept, read
):
    whole = examples.examples(Store(folder.parent, folder.name), Store(folder.parent, folder.name).read_runs(), NAMES)
    monkeypatch.setattr(examples, "MAX_BYTES", int(share * len(to_json(whole["rows"]).encode())))
    for path in (folder / "predictions").glob("*.jsonl.gz"):
        if int(path.name.split("-seed")[1][0]) >= read:
            path.write_bytes(b"no answers")
    store = Store(folder.parent, folder.name)
    found = examples.examples(store, store.read_runs(), NAMES)
    assert (len(found["seeds"]), found["left_out"]["seeds"]) == (kept, 4 - kept)
    command.main([str(folder)])


def test_an_example_keeps_the_texts_of_the_seeds_that_are_shown_and_no_others():
    example = examples.AnsweredExample({"id": "test_0"})
    example.add(0, "lora", ("a room", None), 1.0)
    example.add(1, "lora", ("a view", None), 0.5)
    assert example.to_dict(["lora", "dora"], [0]) == {
        "id": "test_0",
        "texts": ["a room"],
        "answers": [[(0, 1.0)], [None]],
    }


def test_twice_the_seeds_take_twice_the_work_for_a_leaderboard():
    entries = [entry(name, 0.4, seed) for name in ("lora", "dora") for seed in range(80)]

    def ranked(seeds):
        some = [each for each in entries if each.record.spec.seed < seeds]
        return calls(lambda: leaderboard.board(some, seeds=range(seeds)))

    few, more, many = map(ranked, (20, 40, 80))
    assert many - more < 2.1 * (more - few)


def test_twice_the_seeds_take_twice_the_work_for_the_examples_of_a_report(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "MAX_BYTES", 1_000)

    def shown(seeds):
        made = reports.store(tmp_path / f"{seeds}", USUAL[:1], seeds=range(seeds), examples=2)
        store = Store(made.parent, made.name)
        records = store.read_runs()
        return calls(lambda: examples.examples(store, records, NAMES))

    few, more, many = map(shown, (4, 8, 16))
    assert many - more < 2.1 * (more - few)
