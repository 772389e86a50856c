"""Guesses which task a data set is for, from the names and the looks of its columns, and says why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

from ..spec import task_files
from ..spec.task_table import CHOOSE, MESSAGES, SOURCE, TARGET, TaskTable
from . import columns
from .looks import MOST, Look

Looks = Mapping[str, Look]  # by the name of the column

SHORT, LONG, LABELLED, TRANSLATED = "answer", "summarize", "classify", "translate"  # built-in tasks
LANGUAGES = {
    **{"ar": "Arabic", "cs": "Czech", "de": "German", "en": "English", "es": "Spanish", "fi": "Finnish"},
    **{"fr": "French", "he": "Hebrew", "hi": "Hindi", "it": "Italian", "ja": "Japanese", "ko": "Korean"},
    **{"nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish"},
    **{"tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese"},
}
LABELS = {"label", "labels", "category", "class", "intent", "sentiment", "topic", "type", "target"}
TARGETS = {"target", "output", "response", "completion", "answer", "summary", "reply", "translation", "chosen"}
BESIDE = {"input", "context", "passage", "document"}  # beside the source, in some rows at least
MARKED = r"####\s*(.+)"  # the last line of an answer that shows how it was found, as in GSM8K
MAX_LABELS, MAX_LABEL_CHARACTERS, LABEL_ROWS = 500, 60, 5  # rows for each label, at least, in the middle
SHORT_CHARACTERS = 40  # an answer in the middle with fewer is compared as a whole


@dataclass(frozen=True)
class Guess:
    """The keys of ``[task]`` that define the task, and why, by key."""

    keys: Mapping[str, Any]
    why: Mapping[str, str]
    target: Look | None = None
    read: Sequence[Look] = ()  # what the prompt is made from


def guess(looks: Sequence[Look], name: str) -> Guess | None:
    """The most likely task, called ``name`` if it is no built-in one; ``None`` if no columns look like a task."""
    known = {look.name: look for look in looks}
    kinds = (_conversations(known), _by_names(known), _languages(known), _named(known, name), _labels(known))
    return next(chain(*kinds, _unnamed(known, name)), None)


def _conversations(looks: Looks) -> Iterator[Guess]:
    for look in looks.values():
        if look.talks:
            task = next(name for name, table in task_files.built_in().items() if MESSAGES in (table.columns or {}))
            why = f"{look.name} has lists of turns, of which the last one is the assistant's"
            yield Guess({"name": task, "columns": {MESSAGES: look.name}}, {"name": why}, read=[look])


def _by_names(looks: Looks) -> Iterator[Guess]:
    """Built-in tasks whose columns are there under one of their usual names."""
    for name, table in task_files.built_in().items():
        wanted = columns.of(table)
        found = wanted.found([*looks])
        if MESSAGES in found or wanted.flaw([*looks]) or not _fits(table, looks[found[TARGET]]):
            continue
        named = {own: each for own, each in found.items() if own in (SOURCE, TARGET, *wanted.beside)}
        yield _guess(name, named, looks, f"it has columns called {_listed(named.values())}")


def _fits(table: TaskTable, target: Look) -> bool:
    return _is_label(target) if table.answer == CHOOSE else bool(target.texts)


def _languages(looks: Looks) -> Iterator[Guess]:
    codes = {name: name.strip().lower() for name, look in looks.items() if look.is_text}
    spoken = {name: LANGUAGES[code] for name, code in codes.items() if code in LANGUAGES}
    for one, other in combinations(sorted(spoken, key=lambda name: spoken[name] != LANGUAGES["en"]), 2):
        named = {SOURCE: one, TARGET: other}
        found = _guess(TRANSLATED, named, looks, f"{one} and {other} are the codes of languages")
        values = {"source_lang": spoken[one], "target_lang": spoken[other]}
        yield Guess({**found.keys, "values": values}, found.why, found.target, found.read)


def _labels(looks: Looks) -> Iterator[Guess]:
    texts = [look for look in looks.values() if look.is_text and not look.is_id]
    choices = [look for look in looks.values() if _is_label(look) and not look.is_id]
    for target in sorted(choices, key=lambda look: look.name.strip().lower() not in LABELS):
        if source := _longest(look for look in texts if look is not target and not _is_label(look)):
            why = f"{target.name} has only {target.different} different values in {target.rows:,} rows"
            yield _guess(LABELLED, {SOURCE: source.name, TARGET: target.name}, looks, why)


def _named(looks: Looks, name: str) -> Iterator[Guess]:
    """A task of its own, whose target has a usual name."""
    targets = [look for look in looks.values() if look.name.strip().lower() in TARGETS and look.texts]
    return _own(looks, targets, name)


def _unnamed(looks: Looks, name: str) -> Iterator[Guess]:
    """A task of its own, whose target is the last column with text."""
    return _own(looks, [look for look in reversed([*looks.values()]) if look.is_text and not look.is_id], name)


def _own(looks: Looks, targets: Sequence[Look], name: str) -> Iterator[Guess]:
    for target in targets:
        others = [look for look in looks.values() if look is not target and not look.is_id]
        source = _longest(look for look in others if look.is_text)
        if source is None:
            continue
        why = f"no built-in task has such columns; {target.name} looks like what is to be written about {source.name}"
        found = _guess(name, {SOURCE: source.name, TARGET: target.name}, looks, why)
        beside = [look for look in others if look.name.strip().lower() in BESIDE and look is not source and look.texts]
        end = f"\n\n{_literal(target.name.strip().capitalize())}: "
        prompts = ["".join(["{source}", *(f"\n\n{{{look.name}}}" for look in beside), end]), f"{{source}}{end}"]
        like = task_files.built_in()[SHORT if target.characters < SHORT_CHARACTERS else LONG]
        keys = {**found.keys, "prompt": prompts if beside else prompts[1], "metrics": like.metrics}
        reasons = {**found.why, "prompt": "write here what is asked"}
        yield Guess(keys, reasons, found.target, [*found.read, *beside])


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _guess(name: str, named: Mapping[str, str], looks: Looks, why: str) -> Guess:
    target = looks[named[TARGET]]
    keys: dict[str, Any] = {"name": name, "columns": dict(named)}
    reasons = {"name": why}
    if target.share(MARKED) >= MOST:
        keys["extract"] = MARKED
        reasons["extract"] = f"{target.share(MARKED):.0%} of {target.name} have ####, and the answer after it"
    return Guess(keys, reasons, target, [looks[name] for own, name in named.items() if own != TARGET])


def _is_label(look: Look) -> bool:
    few = 2 <= look.different <= MAX_LABELS and look.rows >= LABEL_ROWS * look.different
    return few and bool(look.texts) and max(map(len, look.texts)) <= MAX_LABEL_CHARACTERS


def _longest(looks: Iterator[Look]) -> Look | None:
    return max(looks, key=lambda look: look.characters, default=None)


def _listed(names: Any) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else f"{last}"
