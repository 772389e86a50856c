"""What teaches the base model to write is English in sentences, true of its turns, and unlike every target summary."""

import re
from random import Random

import pytest

from harness.embedded import corpus, curriculum, writing

RUN = 5  # words in a row that no retelling shares with a target summary
PRONOUNS = re.compile(r"\b(he|she|him|her|his|hers|they|them|their|I|my|you|your|we)\b")
SHOWN = [scenario for scenario in corpus.scenarios() if not scenario.held_out]
shown = pytest.mark.parametrize("scenario", SHOWN, ids=lambda scenario: scenario.name)


def slots(text):
    return set(re.findall(r"{(\w+)}", text)) - {"C", "H"}


def frames(text):
    """The runs of words of a wording in which slots are blanks, at most two of them."""
    words = re.findall(r"_|[a-z0-9']+", re.sub(r"{\w+}('s)?", " _ ", text.lower()))
    runs = (tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))
    return {run for run in runs if run.count("_") <= 2}


def targets():
    for scenario in corpus.scenarios():
        yield from (text for part in ("want", "because", "why") for text in scenario.summary[part])
        yield from (text for outcome in scenario.outcomes for text in outcome["decision"])


TARGETS = {frame for text in targets() for frame in frames(text)}


def turns(scenario, retold):
    """Each turn's wordings with those of its retelling, and how each outcome is told."""
    pairs = [*zip(scenario.exchanges, retold["exchanges"], strict=True)]
    for outcome, told in zip(scenario.outcomes, retold["outcomes"], strict=True):
        pairs += zip(outcome["exchanges"], told["exchanges"], strict=True)
    return [(said[role], told[role]) for said, told in pairs for role in ("client", "helper")]


def texts(scenario):
    retold = writing.retelling(scenario.name)
    yield from (text for wordings in retold["answers"].values() for text in wordings)
    yield from (text for _, wordings in turns(scenario, retold) for text in wordings)
    yield from (text for outcome in retold["outcomes"] for text in outcome["told"])
    yield from (text for part in ("asked", "reason") for text in retold["account"][part])


def clauses(scenario):
    present = writing.retelling(scenario.name)["present"]
    return [*present["asks"], *present["reasons"], *(text for ends in present["ends"] for text in ends)]


def test_held_out_scenarios_have_no_retelling():
    assert {path.stem for path in writing.FOLDER.glob("*.toml")} == {scenario.name for scenario in SHOWN}


@shown
def test_no_retelling_shares_a_frame_with_a_target_summary(scenario):
    assert [text for text in (*texts(scenario), *clauses(scenario)) if frames(text) & TARGETS] == []


@shown
def test_every_retelling_is_a_sentence_about_others(scenario):
    assert [text for text in texts(scenario) if not re.fullmatch(r"[A-Z{][^\"#]*\.", text)] == []
    assert [text for text in (*texts(scenario), *clauses(scenario)) if PRONOUNS.search(text)] == []


@shown
def test_every_clause_in_the_present_tense_can_be_joined_to_others(scenario):
    assert [text for text in clauses(scenario) if not re.fullmatch(r"[a-z{][^\"#]*[^.,;!?]", text)] == []
    assert len(writing.retelling(scenario.name)["present"]["ends"]) == len(scenario.outcomes)


@shown
def test_a_reported_turn_has_the_slots_of_the_turn(scenario):
    for said, told in turns(scenario, writing.retelling(scenario.name)):
        assert {frozenset(slots(text)) for text in told} == {frozenset(slots(said[0]))}


@shown
def test_every_slot_is_answered_in_a_full_sentence(scenario):
    answers = writing.retelling(scenario.name)["answers"]
    assert set(answers) == set(scenario.questions)
    assert all(slots(text) == {slot} for slot, wordings in answers.items() for text in wordings)


def said(pairs):
    return {slot for pair in pairs for wordings in pair.values() for text in wordings for slot in slots(text)}


@shown
def test_an_account_uses_only_facts_that_the_conversation_mentions(scenario):
    retold, always = writing.retelling(scenario.name), said(scenario.exchanges)
    openings = [*retold["account"]["asked"], *retold["account"]["reason"]]
    openings += [*retold["present"]["asks"], *retold["present"]["reasons"]]
    assert [text for text in openings if slots(text) - always] == []
    for number, outcome in enumerate(scenario.outcomes):
        known = always | said(outcome["exchanges"])
        endings = [*retold["outcomes"][number]["told"], *retold["present"]["ends"][number]]
        assert [text for text in endings if slots(text) - known] == []


def conversations(count=60):
    rng = Random(7)
    return [(curriculum.conversation(rng), rng) for _ in range(count)]


@pytest.mark.parametrize("task", curriculum.WRITING_TASKS, ids=lambda task: task.__name__)
def test_a_task_writes_whole_sentences_and_is_told_apart_by_its_prompt(task):
    examples = [task(conversation, conversation.turns, rng) for conversation, rng in conversations()]
    assert all(each.task == task.__name__ for each in examples if each)
    assert [each.answer for each in examples if each and not re.fullmatch(r"[A-Z#].*[.?!]", each.answer)] == []
    assert not any("{" in each.answer or "Summar" in each.prompt for each in examples if each)


def test_a_retelling_has_a_sentence_for_each_turn_of_the_scenario_and_none_for_small_talk():
    for conversation, rng in conversations():
        for speaker, text in conversation.turns:
            example = writing.retell(conversation, [(speaker, text)], rng)
            assert example is None or example.answer.count(".") >= 1
    small_talk = [("#Person1#", "Hello."), ("#Person2#", "Hi, how are you?")]
    assert writing.retell(conversation, small_talk, rng) is None


def test_a_diary_is_in_the_first_person_of_the_client():
    for conversation, rng in conversations():
        example = writing.diary(conversation, conversation.turns, rng)
        assert f"the diary of {conversation.facts['C']}" in example.prompt
        assert "#Person" not in example.answer


def test_a_full_answer_has_the_fact_that_is_asked_for():
    for conversation, rng in conversations():
        example = writing.answer(conversation, conversation.turns, rng)
        assert any(fact.lower() in example.answer.lower() for fact in conversation.facts.values())


def test_a_headline_is_the_topic_in_capital_letters():
    for conversation, rng in conversations():
        example = writing.headline(conversation, conversation.turns, rng)
        assert example.answer.startswith(conversation.scenario.topic.upper() + ". ")


@pytest.mark.parametrize("task", [writing.minutes, writing.message], ids=lambda task: task.__name__)
def test_the_prompt_names_the_tense_of_an_account(task):
    for conversation, rng in conversations():
        facts, example = conversation.facts, task(conversation, conversation.turns, rng)
        if "with tags" in example.prompt.split("\n")[0]:
            present = writing.retelling(conversation.scenario.name)["present"]["ends"][conversation.outcome]
            endings = [text.format_map(facts).lower() for text in present]
            in_the_present = any(ending in example.answer.lower() for ending in endings)
            assert in_the_present == ("in the present." in example.prompt)


def test_what_is_mended_has_gaps_or_sentences_in_disorder():
    for conversation, rng in conversations():
        example = writing.mend(conversation, conversation.turns, rng)
        broken = example.prompt.rsplit("> ", 1)[1].removesuffix(": ")
        if "order" in example.prompt.split("\n")[0]:
            assert sorted(broken.split()) == sorted(example.answer.split())
        else:
            words = zip(broken.split(), example.answer.split(), strict=True)
            assert all(shown in ("...", word) for shown, word in words)
