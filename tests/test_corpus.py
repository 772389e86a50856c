"""The embedded corpus is English, licence-clean, deterministic and free of leaks between its splits."""

import re
from random import Random

import pytest

from harness.embedded import corpus

SCENARIOS = corpus.scenarios()
by_name = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def wordings(scenario):
    """Every list of alternative wordings of a scenario, with the place it stands in."""
    for place, pairs in (("exchanges", scenario.exchanges), ("sides", scenario.sides)):
        yield from ((f"{place}[{i}].{role}", pair[role]) for i, pair in enumerate(pairs) for role in pair)
    for number, outcome in enumerate(scenario.outcomes):
        yield f"outcomes[{number}].decision", outcome["decision"]
        yield f"outcomes[{number}].note", outcome["note"]
        for i, pair in enumerate(outcome["exchanges"]):
            yield from ((f"outcomes[{number}].exchanges[{i}].{role}", pair[role]) for role in pair)
    yield from ((f"summary.{part}", texts) for part, texts in scenario.summary.items())


def slots_of(text):
    return set(re.findall(r"{(\w+)}", text)) - {"C", "H"}


@by_name
def test_all_wordings_of_a_turn_mention_the_same_slots(scenario):
    for place, texts in wordings(scenario):
        if "exchanges" in place or place.startswith("sides"):
            assert len({frozenset(slots_of(text)) for text in texts}) == 1, place
            assert not re.search(r"{[CH]}", " ".join(texts)), f"{place}: speakers do not say their tags"


@by_name
def test_every_slot_is_defined_asked_about_and_said_before_it_is_summarised(scenario):
    defined = set(scenario.slots)
    assert defined == set(scenario.questions)
    shared = {s for pair in scenario.exchanges for texts in pair.values() for t in texts for s in slots_of(t)}
    for place, texts in wordings(scenario):
        assert slots_of(" ".join(texts)) <= defined, place
        if place.startswith("summary"):
            assert slots_of(" ".join(texts)) <= shared, place
    for outcome in scenario.outcomes:
        turns = [t for pair in outcome["exchanges"] for texts in pair.values() for t in texts]
        said = shared | slots_of(" ".join(turns))
        assert slots_of(" ".join([*outcome["decision"], *outcome["note"]])) <= said
    for slot, values in scenario.slots.items():
        if isinstance(values, str):
            assert isinstance(scenario.slots[values], list), f"{slot} names a slot that has no list"
        else:
            assert len(values) == len(set(values)) >= 5, slot


@by_name
def test_there_are_several_wordings_of_everything(scenario):
    least = {"exchanges": 3, "sides": 2, "decision": 4, "want": 5, "because": 3, "why": 3, "note": 1, "reason": 1}
    for place, texts in wordings(scenario):
        needed = next(
            n for key, n in least.items() if place.startswith(key) or place.endswith(key) or f".{key}[" in place
        )
        assert len(set(texts)) == len(texts) >= needed, f"{place} needs {needed} different wordings"
    assert 2 <= len(scenario.outcomes) <= 3
    assert 2 <= len(scenario.exchanges) <= 3
    assert len(scenario.sides) >= 3
    assert all(1 <= len(outcome["exchanges"]) <= 2 for outcome in scenario.outcomes)
    assert all(outcome["link"] in ("and", "but") for outcome in scenario.outcomes)


@by_name
def test_conversations_are_english(scenario):
    for number in range(60):
        rng = Random(number)
        conversation = corpus.converse(scenario, rng)
        texts = [text for _, text in conversation.turns]
        for text in [*texts, *corpus.summaries(conversation, 3, rng)]:
            assert not re.search(r"\b[Aa] (?!one\b|uni|use|euro)[aeiouAEIOU]", text), text
            assert not re.search(r"\b[Aa]n (?!hour|honest|heir)[^aeiouAEIOU8]", text), text
            assert not re.search(
                r"\b[Oo]ne (?!glass|class|bus|dress|mess|business|boss|is|was|across|address|always)\w+s\b(?!')", text
            ), text
            assert not re.search(r"\b(\w+) \1\b", text.replace("had had", "").replace("that that", "")), text
            assert not re.search(r"[{}]|\s\s|\s[.,?!]|[.,]{2}", text), text
            assert text[0].isupper() or text[0] == "#", text
            assert text[-1] in ".?!", text


@by_name
def test_summaries_are_short_and_say_what_was_said(scenario):
    for number in range(30):
        rng = Random(number)
        conversation = corpus.converse(scenario, rng)
        references = corpus.summaries(conversation, 3, rng)
        assert len(set(references)) == 3
        for text in references:
            assert 1 <= len(re.findall(r"[.!?](?:\s|$)", text)) <= 3
            assert 10 <= len(text.split()) <= 60, text


def test_there_are_enough_scenarios_and_some_are_kept_from_pre_training():
    assert len(SCENARIOS) >= 30
    assert len({scenario.topic for scenario in SCENARIOS}) == len(SCENARIOS)
    assert sum(scenario.held_out for scenario in SCENARIOS) >= 5


def test_default_splits_have_their_sizes_and_share_nothing():
    splits = corpus.splits()
    dialogues = {split: [row["dialogue"] for row in rows] for split, rows in splits.items()}
    summaries = {split: {row["summary"] for row in rows} for split, rows in splits.items()}
    assert [len(set(dialogues[split])) for split in ("train", "validation", "test")] == [2000, 200, 200]
    assert len(splits["test"]) == 600
    assert not set(dialogues["test"]) & set(dialogues["train"] + dialogues["validation"])
    assert not summaries["test"] & (summaries["train"] | summaries["validation"])
    for dialogue in dialogues["train"]:
        assert 8 <= dialogue.count("\n") + 1 <= 14


def test_the_corpus_is_deterministic_and_a_smaller_training_split_leaves_the_test_split_alone():
    small, again = corpus.splits(train=20, validation=5), corpus.splits(train=20, validation=5)
    assert small == again
    assert small["test"] == corpus.splits(train=40, validation=5)["test"]
    assert small["test"] != corpus.splits(train=20, validation=5, seed=1)["test"]
