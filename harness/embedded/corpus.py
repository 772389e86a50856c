"""A corpus of everyday conversations with summaries, written by a grammar instead of downloaded.

Every scenario is a TOML file in ``scenarios/``: what one person (the client) wants from another (the
helper), in several wordings, with two or three ways in which it can end. ``small_talk.toml`` holds the
turns that distract from it. The rows look like DialogSum's, ``id, dialogue, summary, topic``,
with three columns more: a ``question`` about a fact of the dialogue, its ``answer``, and whether the client's wish
is ``granted``, ``yes`` or ``no``.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).parent
MIN_TURNS, MAX_TURNS = 8, 14  # turns of a dialogue
TEST_REFERENCES = 3
COLUMNS = ("id", "dialogue", "summary", "topic", "question", "answer", "granted")

Row = dict[str, str]
Pair = Mapping[str, Sequence[str]]  # {"client": wordings, "helper": wordings}


@dataclass(frozen=True)
class Scenario:
    """One kind of conversation; the fields are the tables of its TOML file."""

    name: str
    topic: str
    client: str
    helper: str
    slots: Mapping[str, Any]
    questions: Mapping[str, Sequence[str]]
    exchanges: Sequence[Pair]
    sides: Sequence[Pair]
    outcomes: Sequence[Mapping[str, Any]]
    summary: Mapping[str, Sequence[str]]
    held_out: bool = False  # never shown in pre-training


@dataclass(frozen=True)
class Conversation:
    """One dialogue with the facts that its summary is made from."""

    scenario: Scenario
    outcome: int  # index into ``scenario.outcomes``
    facts: Mapping[str, str]  # every slot that the dialogue mentions; ``C`` and ``H`` are the speakers' tags
    turns: tuple[tuple[str, str], ...]  # (speaker tag, text)

    @property
    def granted(self) -> bool:
        """Whether the client gets what the conversation is about."""
        return bool(self.scenario.outcomes[self.outcome]["link"] == "and")

    @property
    def dialogue(self) -> str:
        """The turns as DialogSum writes them, one ``#Person1#: …`` per line."""
        return "\n".join(f"{speaker}: {text}" for speaker, text in self.turns)


@cache
def scenarios() -> tuple[Scenario, ...]:
    """All scenarios, in the order of their file names."""
    paths = sorted((FOLDER / "scenarios").glob("*.toml"))
    return tuple(Scenario(name=path.stem, **tomllib.loads(path.read_text(encoding="utf-8"))) for path in paths)


def splits(train: int = 2000, validation: int = 200, test: int = 200, seed: int = 0) -> dict[str, list[Row]]:
    """The corpus: ``train``, ``validation`` and ``test`` count dialogues.

    A test dialogue has three rows, one for each independently worded reference. No dialogue and no
    summary occurs in two splits. The test split does not depend on the sizes of the other splits.
    """
    seen: set[str] = set()
    sizes = {"test": (test, TEST_REFERENCES), "validation": (validation, 1), "train": (train, 1)}
    rows = {
        split: list(_rows(split, dialogues, references, seed, seen)) for split, (dialogues, references) in sizes.items()
    }
    return {split: rows[split] for split in ("train", "validation", "test")}


def converse(scenario: Scenario, rng: Random) -> Conversation:
    """A random conversation of this scenario, 8 to 14 turns long."""
    values = _values(scenario.slots, rng)
    outcome = rng.randrange(len(scenario.outcomes))
    core = [*scenario.exchanges, *scenario.outcomes[outcome]["exchanges"]]
    while True:
        texts, client_first = _turns(scenario, scenario.outcomes[outcome]["exchanges"], values, rng)
        if MIN_TURNS <= len(texts) <= MAX_TURNS:
            break
    client, helper = ("#Person1#", "#Person2#") if client_first else ("#Person2#", "#Person1#")
    speakers = ("#Person1#", "#Person2#")
    turns = tuple((speakers[index % 2], sentences(text)) for index, text in enumerate(texts))
    mentioned = _mentioned(core)
    facts = {slot: value for slot, value in values.items() if slot in mentioned}
    return Conversation(scenario, outcome, {**facts, "C": client, "H": helper}, turns)


def summaries(conversation: Conversation, count: int, rng: Random) -> list[str]:
    """``count`` summaries, none of which shares the wording of a part with another (at most three)."""
    parts = conversation.scenario.summary
    outcome = conversation.scenario.outcomes[conversation.outcome]
    wants, decisions = (rng.sample(wordings, count) for wordings in (parts["want"], outcome["decision"]))
    becauses, whys = (rng.sample(wordings, count) for wordings in (parts["because"], parts["why"]))
    shapes = rng.sample(("one", "two", "three"), count)
    texts = []
    for shape, want, decision, because, why in zip(shapes, wants, decisions, becauses, whys, strict=True):
        template = {
            "one": f"{want} {because}, {outcome['link']} {decision}.",
            "two": f"{want} {because}. {decision}.",
            "three": f"{want}. {why}. {decision}.",
        }[shape]
        texts.append(sentences(template.format_map(conversation.facts)))
    return texts


def questions(conversation: Conversation, count: int, rng: Random) -> list[tuple[str, str]]:
    """``count`` questions about facts of a conversation, with their answers; no fact twice while there are others."""
    known = [slot for slot in conversation.scenario.questions if slot in conversation.facts]
    order = rng.sample(known, len(known))
    asked = [order[number % len(order)] for number in range(count)]
    return [(rng.choice(conversation.scenario.questions[slot]), conversation.facts[slot]) for slot in asked]


def _rows(split: str, dialogues: int, references: int, seed: int, seen: set[str]) -> Iterator[Row]:
    attempt = made = 0
    while made < dialogues:
        rng = Random(f"{seed} {split} {attempt}")
        attempt += 1
        conversation = converse(scenarios()[made % len(scenarios())], rng)
        texts = summaries(conversation, references, rng)
        if seen.intersection((conversation.dialogue, *texts)):
            continue
        seen.update((conversation.dialogue, *texts))
        asked = questions(conversation, references, Random(f"{seed} {split} {made} questions"))
        for number, (text, (question, answer)) in enumerate(zip(texts, asked, strict=True), start=1):
            suffix = f"_{number}" if references > 1 else ""
            yield {
                "id": f"{split}_{made}{suffix}",
                "dialogue": conversation.dialogue,
                "summary": text,
                "topic": conversation.scenario.topic,
                "question": question,
                "answer": answer,
                "granted": "yes" if conversation.granted else "no",
            }
        made += 1


def _values(slots: Mapping[str, Any], rng: Random) -> dict[str, str]:
    """A value for each slot; a slot that names another slot gets a different value from the same list."""
    values: dict[str, str] = {}
    for slot, source in slots.items():
        choices = slots[source] if isinstance(source, str) else source
        taken = values.get(source) if isinstance(source, str) else None
        values[slot] = rng.choice([choice for choice in choices if choice != taken])
    return values


def _turns(
    scenario: Scenario, ending: Sequence[Pair], values: Mapping[str, str], rng: Random
) -> tuple[list[str], bool]:
    """The turns, alternating between two speakers, and whether the client speaks first."""
    talk = _small_talk()
    client_first = rng.random() < 0.5
    texts: list[str] = [] if client_first else [rng.choice(talk["welcomes"])]
    if client_first:
        texts += _pair(rng.choice(talk["hellos" if (chatty := rng.random() < 0.6) else "greetings"]), {}, rng)
        if chatty:
            texts += _pair(rng.choice(talk["chats"]), {}, rng)
    resume = talk["resumptions"]["first"] if client_first and chatty else []
    distractions = rng.sample([*rng.sample(talk["chats"], 2), *scenario.sides], k=rng.randint(0, 4))
    for pair in (*scenario.exchanges, *ending):
        said = _pair(pair, values, rng)
        texts += [f"{rng.choice(resume)} {said[0]}" if resume else said[0], said[1]]
        resume = []
        if pair in scenario.exchanges and not said[1].endswith("?") and distractions and rng.random() < 0.5:
            texts += _pair(distractions.pop(), {}, rng)
            resume = talk["resumptions"]["later"]
    texts += [text for pair in distractions[:2] for text in _pair(pair, {}, rng)]
    return texts + _pair(rng.choice(talk["farewells"]), {}, rng), client_first


def _pair(pair: Pair, values: Mapping[str, str], rng: Random) -> list[str]:
    return [rng.choice(pair[role]).format_map(values) for role in ("client", "helper")]


def _mentioned(core: Sequence[Pair]) -> set[str]:
    texts = (wording for pair in core for wordings in pair.values() for wording in wordings)
    return {slot for text in texts for slot in re.findall(r"{(\w+)}", text)}


def sentences(text: str) -> str:
    """The text with a capital letter at the start of each sentence."""
    return re.sub(r"(?:^|(?<=[.!?] ))[a-z]", lambda match: match[0].upper(), text)


@cache
def _small_talk() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "small_talk.toml").read_text(encoding="utf-8"))
