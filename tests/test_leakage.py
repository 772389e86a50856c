"""Test sources that a model has seen in training are counted, however many are compared at once."""

from random import Random

import pytest
from rapidfuzz import fuzz

from harness.tasks import leakage

WORDS = [f"{colour} {thing}" for colour in ("red", "blue", "old", "new") for thing in ("car", "house", "dog", "road")]


def sources(count, seed):
    """Sources, among which some differ in one word only."""
    rng = Random(seed)
    kept = [" ".join(rng.sample(WORDS, 9)) for _ in range(5)]
    return [
        f"{rng.choice(kept)} {rng.choice(WORDS)}" if rng.random() < 0.5 else f"{rng.random()}" for _ in range(count)
    ]


@pytest.mark.parametrize("pairs", [1, 7, 100, 1 << 26])
def test_the_figures_do_not_depend_on_how_many_pairs_are_compared_at_once(pairs):
    training = sources(60, 1)
    test = [*training[:4], training[0], *(f"{each}!" for each in training[4:8]), *sources(30, 2)]
    fresh = {*test} - {*training}
    near = sum(any(fuzz.ratio(one, other) >= 90 for other in training) for one in fresh)
    found = leakage.measure(training, test, pairs=pairs)
    assert (found.test, found.exact, found.near) == (len({*test}), len({*test}) - len(fresh), near)
    assert 0 < near < len(fresh)


def test_no_rows_leak_nothing():
    assert leakage.measure([], ["A", "B"], pairs=1).near == leakage.measure(["A"], [], pairs=1).near == 0
    assert leakage.measure(["A", "B"], ["A", "B"]).exact == 2


def test_the_pairs_that_are_compared_at_once_are_bounded(monkeypatch):
    compared, cdist = [], leakage.process.cdist

    def counted(one, other, **options):
        compared.append(len(one) * len(other))
        return cdist(one, other, **options)

    monkeypatch.setattr(leakage.process, "cdist", counted)
    leakage.measure(sources(60, 1), sources(30, 2), pairs=100)
    assert max(compared) <= 100 < sum(compared)
