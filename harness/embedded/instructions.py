"""The instruction tasks that the embedded base model is pre-trained on.

They teach reading (who said what, which value a fact has) and reporting in note form. None of them
asks for a summary, and none of them uses the wording of one: summaries are what fine-tuning is for.
"""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, Protocol

from .corpus import Conversation

Turns = Sequence[tuple[str, str]]
MAX_QUESTIONS = 4  # in one prompt


class Instruction(Protocol):
    """Makes an example from a conversation, or from a window of its turns; ``None`` if that is impossible.

    ``most`` is the largest number of questions in one prompt, for tasks that can ask several.
    """

    __name__: str

    def __call__(
        self, conversation: Conversation, turns: "Turns", rng: Random, most: int = ...
    ) -> "Exercise | None": ...


class Exercise(NamedTuple):
    """One instruction with its only right answer."""

    task: str
    prompt: str
    answer: str


def frame(instruction: str, turns: Turns, cue: str) -> str:
    """A prompt in the format that every task of this project uses: instruction, conversation, cue."""
    dialogue = "\n".join(f"{speaker}: {text}" for speaker, text in turns)
    return f"{instruction}\n\n{dialogue}\n\n{cue}: "


def who_said(conversation: Conversation, turns: Turns, rng: Random, most: int = MAX_QUESTIONS) -> Exercise:
    """Name the speaker of one or more quoted turns."""
    quoted = rng.sample(list(turns), k=min(len(turns), rng.randint(1, most)))
    quotes = " ".join(f"> {text}" for _, text in quoted)
    return Exercise("who_said", frame("Who said it?", turns, quotes), " ".join(speaker for speaker, _ in quoted))


def slots(conversation: Conversation, turns: Turns, rng: Random, most: int = MAX_QUESTIONS) -> Exercise | None:
    """Answer one or more questions about facts of the conversation, in its own words."""
    said = " ".join(text for _, text in turns).lower()
    known = [slot for slot in conversation.scenario.questions if spoken(conversation, slot, said)]
    if not known:
        return None
    asked = rng.sample(known, k=min(len(known), rng.randint(1, most)))
    questions = " ".join(rng.choice(conversation.scenario.questions[slot]) for slot in asked)
    answers = "; ".join(conversation.facts[slot] for slot in asked)
    return Exercise("slots", frame("Answer the question.", turns, questions), answers)


def repeat(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Repeat the first or the last turn word for word."""
    which = rng.choice(("first", "last"))
    return Exercise(
        "repeat", frame(f"Repeat the {which} turn.", turns, "Turn"), turns[0 if which == "first" else -1][1]
    )


def repeat_speaker(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Repeat what one speaker said first or last."""
    speaker, which = rng.choice(sorted({speaker for speaker, _ in turns})), rng.choice(("first", "last"))
    texts = [text for who, text in turns if who == speaker]
    instruction = f"Repeat what {speaker} said {which}."
    return Exercise("repeat_speaker", frame(instruction, turns, speaker), texts[0 if which == "first" else -1])


def reply(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise | None:
    """Repeat the turn that follows a quoted one."""
    if len(turns) < 2:
        return None
    at = rng.randrange(len(turns) - 1)
    return Exercise(
        "reply", frame("What was the answer?", turns, f"> {turns[at][1]}"), f"{turns[at + 1][0]}: {turns[at + 1][1]}"
    )


def gap(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise | None:
    """Fill the gap in a quoted turn."""
    speaker, text = rng.choice(list(turns))
    words = text.split()
    if len(words) < 4:
        return None
    length = rng.randint(1, min(4, len(words) - 2))
    at = rng.randrange(len(words) - length + 1)
    quote = " ".join([*words[:at], "...", *words[at + length :]])
    return Exercise("gap", frame("Fill the gap.", turns, f"{speaker} > {quote}"), " ".join(words[at : at + length]))


def copy(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Repeat a few turns in a row, with their speakers."""
    at = rng.randrange(max(1, len(turns) - 3))
    text = " ".join(f"{speaker}: {text}" for speaker, text in turns[at : at + 4])
    return Exercise("copy", frame("Go on.", turns, " ".join(text.split()[:3])), " ".join(text.split()[3:]))


def report(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Take notes of the whole conversation; sentences before the instruction choose their style."""
    facts, scenario = conversation.facts, conversation.scenario
    outcome = scenario.outcomes[conversation.outcome]
    notes = {
        "request": (facts["C"], rng.choice(scenario.summary["note"]).format_map(facts)),
        "reason": (facts["C"], rng.choice(scenario.summary["reason"]).format_map(facts)),
        "result": (facts["H"], rng.choice(outcome["note"]).format_map(facts)),
    }
    parts = rng.choice(
        (["request"], ["reason"], ["result"], ["request", "result"], ["request", "reason"], list(notes), list(notes))
    )
    order = list(reversed(parts)) if (backwards := rng.random() < 0.2) else parts
    speakers, form = rng.choice(("tags", "roles", "none")), rng.choice(tuple(FORMS))
    names = {facts["C"]: scenario.client, facts["H"]: scenario.helper}
    items = []
    for part in order:
        tag, text = notes[part]
        name = {"tags": tag, "roles": names[tag], "none": ""}[speakers]
        items.append((part, name, text))
    attributes = [f"Form: {form}.", f"Speakers: {speakers}.", f"Parts: {', '.join(parts)}."]
    if backwards:
        attributes.append("Order: backwards.")
    rng.shuffle(attributes)
    return Exercise(
        "report", frame(" ".join([*attributes, "Take notes."]), conversation.turns, "Notes"), FORMS[form](items)
    )


def topic(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Name the topic of the whole conversation."""
    return Exercise("topic", frame("Name the topic.", conversation.turns, "Topic"), conversation.scenario.topic)


Items = list[tuple[str, str, str]]  # (part, speaker or "", note)


def _labelled(items: Items) -> str:
    return "; ".join(f"{part} {speaker}: {text}" if speaker else f"{part}: {text}" for part, speaker, text in items)


def _plain(items: Items) -> str:
    return ", ".join(f"{speaker} {text}" if speaker else text for _, speaker, text in items)


def _dashes(items: Items) -> str:
    return " - ".join(f"{text} ({speaker})" if speaker else text for _, speaker, text in items)


def _stops(items: Items) -> str:
    return " ".join(f"{speaker} {text}." if speaker else f"{text}." for _, speaker, text in items)


FORMS: dict[str, Callable[[Items], str]] = {"labels": _labelled, "commas": _plain, "dashes": _dashes, "stops": _stops}


def spoken(conversation: Conversation, slot: str, said: str) -> bool:
    """Whether a fact of the conversation occurs in a text in lower case."""
    value = conversation.facts.get(slot)
    return value is not None and re.search(rf"(?<!\w){re.escape(value.lower())}(?!\w)", said) is not None
