"""The tasks that teach the embedded base model to write: English in the third person, and never a summary.

``retellings/`` has wordings for each scenario that is not held out: what each turn said as reported speech, what the
client had come for and why, how the conversation ended, the same as clauses in the present tense, and answers in full
sentences. They share no run of five words with a target summary; ``tests/test_writing.py`` compares them.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from . import instructions
from .corpus import Conversation, Pair, sentences
from .instructions import Exercise, Turns, frame

FOLDER = Path(__file__).parent / "retellings"
OPENINGS = ("Guess what happened today.", "Here is some news.", "Something to tell about today.", "News of the day:")
TENSES = ("past", "present", "present")  # drawn from: every other task writes in the past
MAX_RETOLD = 6  # turns that one text retells


@cache
def retelling(scenario: str) -> Mapping[str, Any]:
    """The sentences of a scenario; raises ``FileNotFoundError`` for one that is held out."""
    return tomllib.loads((FOLDER / f"{scenario}.toml").read_text(encoding="utf-8"))


def retell(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise | None:
    """Retell some turns in a row as reported speech."""
    told = _reported(conversation, turns, rng, conversation.facts)
    return Exercise("retell", frame("Retell it.", turns, "It went like this"), " ".join(told)) if told else None


def minutes(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Write the minutes of the whole conversation."""
    scenario, names = conversation.scenario, _named(conversation, rng)
    heading = f"Minutes of a talk about {scenario.topic}" if rng.random() < 0.5 else f"Subject: {scenario.topic}"
    tense, account = _account(conversation, rng, names)
    instruction = f"Write the minutes, {_how(names)}, in the {tense}."
    return Exercise("minutes", frame(instruction, conversation.turns, "Minutes"), f"{heading}. {account}")


def diary(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Write what the client would write in a diary, in the first person."""
    facts = {**conversation.facts, "C": "I", "H": conversation.scenario.helper}
    prompt = frame(f"Write the diary of {conversation.facts['C']}.", conversation.turns, "Diary")
    return Exercise("diary", prompt, _past(conversation, rng, facts))


def message(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Write a message to a friend about the conversation."""
    names = _named(conversation, rng)
    tense, account = _account(conversation, rng, names)
    instruction = f"Tell a friend, {_how(names)}, in the {tense}."
    text = f"{rng.choice(OPENINGS)} {account}"
    return Exercise("message", frame(instruction, conversation.turns, "Message"), text)


def headline(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Write a headline and a sentence."""
    tense = rng.choice(TENSES)
    ending = _ended if tense == "past" else _ends
    text = f"{conversation.scenario.topic.upper()}. {ending(conversation, rng, conversation.facts)}"
    instruction = f"Write a headline and a sentence in the {tense}."
    return Exercise("headline", frame(instruction, conversation.turns, "Headline"), text)


def minded(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Write one part of an account: what the client had come for, why, or how it ended."""
    part, cue = rng.choice((("asked", "What for?"), ("reason", "Why?"), ("told", "How did it end?")))
    text = _part(conversation, part, rng, conversation.facts)
    return Exercise("minded", frame("Answer in a full sentence.", conversation.turns, cue), text)


def answer(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise | None:
    """Answer a question about a fact in a full sentence."""
    said = " ".join(text for _, text in turns).lower()
    known = [slot for slot in conversation.scenario.questions if instructions.spoken(conversation, slot, said)]
    if not known:
        return None
    slot = rng.choice(known)
    text = rng.choice(retelling(conversation.scenario.name)["answers"][slot]).format_map(conversation.facts)
    question = rng.choice(conversation.scenario.questions[slot])
    return Exercise("answer", frame("Answer in a full sentence.", turns, question), sentences(text))


def mend(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Write a text again whose words are partly missing, or whose sentences are in disorder."""
    names = _named(conversation, rng)
    told = _reported(conversation, conversation.turns, rng, names)[:4]
    if rng.random() < 0.5 and len(told) > 1:
        instruction, text = "Put the sentences in order.", " ".join(told)
        broken = " ".join(rng.sample(told, len(told)))
    else:
        instruction, (_, text) = "Write it without gaps.", _account(conversation, rng, names)
        broken = " ".join(word if rng.random() < 0.75 else "..." for word in text.split())
    dialogue = conversation.turns if rng.random() < 0.7 else ()
    return Exercise("mend", frame(instruction, dialogue, f"> {broken}"), text)


def _account(conversation: Conversation, rng: Random, facts: Mapping[str, str]) -> tuple[str, str]:
    """A tense, and an account of the whole conversation in it."""
    tense = rng.choice(TENSES)
    return tense, (_past if tense == "past" else _present)(conversation, rng, facts)


def _past(conversation: Conversation, rng: Random, facts: Mapping[str, str]) -> str:
    """What the client had come for, perhaps why, and how it ended."""
    parts = rng.choice(
        (["asked", "told"], ["asked", "reason", "told"], ["asked", "reason", "told"], ["reason", "told"])
    )
    return " ".join(_part(conversation, part, rng, facts) for part in parts)


def _part(conversation: Conversation, part: str, rng: Random, facts: Mapping[str, str]) -> str:
    if part == "told":
        return _ended(conversation, rng, facts)
    return sentences(rng.choice(retelling(conversation.scenario.name)["account"][part]).format_map(facts))


def _ended(conversation: Conversation, rng: Random, facts: Mapping[str, str]) -> str:
    endings = retelling(conversation.scenario.name)["outcomes"][conversation.outcome]["told"]
    return sentences(rng.choice(endings).format_map(facts))


def _present(conversation: Conversation, rng: Random, facts: Mapping[str, str]) -> str:
    """What the client asks for, perhaps why, and how it ends."""
    clauses = retelling(conversation.scenario.name)["present"]
    ask, reason = rng.choice(clauses["asks"]), rng.choice(clauses["reasons"])
    end = rng.choice(clauses["ends"][conversation.outcome])
    link = conversation.scenario.outcomes[conversation.outcome]["link"]
    form = rng.choice(
        (f"{ask}. {end}.", f"{ask} {reason}. {end}.", f"{reason}, {ask}. {end}.", f"{ask}, {link} {end}.")
    )
    return sentences(form.format_map(facts))


def _ends(conversation: Conversation, rng: Random, facts: Mapping[str, str]) -> str:
    endings = retelling(conversation.scenario.name)["present"]["ends"][conversation.outcome]
    return sentences(f"{rng.choice(endings)}.".format_map(facts))


def _reported(conversation: Conversation, turns: Turns, rng: Random, facts: Mapping[str, str]) -> list[str]:
    """Reported speech for those of the turns that belong to the scenario, small talk left out."""
    retold, outcome = retelling(conversation.scenario.name), conversation.outcome
    pairs: Sequence[Pair] = [*conversation.scenario.exchanges, *conversation.scenario.outcomes[outcome]["exchanges"]]
    reported: Sequence[Pair] = [*retold["exchanges"], *retold["outcomes"][outcome]["exchanges"]]
    said = [
        (tuple(sentences(each.format_map(conversation.facts)) for each in pair[role]), wordings[role])
        for pair, wordings in zip(pairs, reported, strict=True)
        for role in ("client", "helper")
    ]
    told = [
        sentences(rng.choice(wordings).format_map(facts))
        for _, text in turns
        for texts, wordings in said
        if text.endswith(texts)
    ]
    return told[:MAX_RETOLD]


def _named(conversation: Conversation, rng: Random) -> Mapping[str, str]:
    """The facts, with the speakers called by their tags or, now and then, by their roles."""
    if rng.random() < 0.75:
        return conversation.facts
    return {**conversation.facts, "C": conversation.scenario.client, "H": conversation.scenario.helper}


def _how(facts: Mapping[str, str]) -> str:
    return "with tags" if facts["C"].startswith("#") else "with roles"
