"""Guesses which task a data set is for, from the names and the looks of its columns, and says why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from typing import Any

from ..spec import task_files
from ..spec.task_table import CHOOSE, MESSAGES, SOURCE, TARGET
from . import column_roles as roles
from . import columns, multiple_choice
from . import guessed_prompt as prompts
from .column_roles import Looks
from .looks import MOST, Look
from .usual_names import BESIDE, LABELS, LANGUAGES, NO_SOURCES, SCORES, SOURCES, TARGETS

SHORT, LONG, LABELLED, TRANSLATED = "answer", "summarize", "classify", "translate"  # built-in tasks
MARKED = r"####\s*(.+)"  # the last line of an answer that shows how it was found, as in GSM8K
MAX_ANSWERS = 10  # different ones to choose among where a question is asked
SHORT_CHARACTERS = 40  # an answer in the middle with fewer is compared as a whole
LISTED_NAMES = 12  # of columns that are not used


@dataclass(frozen=True)
class Guess:
    """The keys of ``[task]`` that define the task, and why, by key."""

    keys: Mapping[str, Any]
    why: Mapping[str, str]
    target: Look | None = None
    read: Sequence[Look] = field(default=())  # what the prompt is made from

    def having(self, key: str, value: Any, why: str) -> "Guess":
        """The same with another key."""
        return replace(self, keys={**self.keys, key: value}, why={**self.why, key: why})


def guess(looks: Sequence[Look], name: str) -> Guess | None:
    """The most likely task, called ``name`` if it is no built-in one; ``None`` if no columns look like a task."""
    known = {look.name: look for look in looks}
    kinds = (
        *(_conversations(known), _choices(known, name), _by_names(known), _languages(known)),
        *(_named(known, name), _labels(known), _unnamed(known, name)),
    )
    found = next(chain(*kinds), None)
    return found and replace(found, why={**found.why, "columns": _used(found, looks)})


def _used(found: Guess, looks: Sequence[Look]) -> str:
    """What the columns are for, and which ones nothing is done with."""
    read = _listed(look.name for look in found.read)
    used = f"prompts are made from {read}"
    used += f", and {found.target.name} is the target" if found.target else ", whose last turn is the target"
    idle = [look.name for look in looks if look not in (*found.read, found.target) and not look.is_id]
    more = f" and {len(idle) - LISTED_NAMES:,} more" if len(idle) > LISTED_NAMES else ""
    return f"{used}; not used: {', '.join(idle[:LISTED_NAMES])}{more}" if idle else used


def _conversations(looks: Looks) -> Iterator[Guess]:
    for look in looks.values():
        if look.talks and look.key not in NO_SOURCES:
            task = next(name for name, table in task_files.built_in().items() if MESSAGES in (table.columns or {}))
            why = f"{look.name} has lists of turns, of which the last one is the assistant's"
            yield Guess({"name": task, "columns": {MESSAGES: look.name}}, {"name": why}, read=[look])


def _choices(looks: Looks, name: str) -> Iterator[Guess]:
    """A question with a choice of answers, which its prompt must show."""
    for found in multiple_choice.find(looks):
        shown = [look for _, look in found.marked]
        others = [look for look in roles.sources(looks) if look not in (found.target, *shown)]
        usual = [look for look in others if look.key in SOURCES or look.key in BESIDE]
        source = roles.likeliest(usual or others)
        if source is None:
            continue
        before = [look for look in usual if look is not source]
        marks = [f"{mark}) " if mark else "" for mark, _ in found.marked]
        made = prompts.parts(source, [*before, source, *shown], [""] * (len(before) + 1) + marks)
        above = "\n\n".join(part.text for part in made[: len(before) + 1])
        below = "\n".join(part.text for part in made[len(before) + 1 :])
        keys = {"name": name, "columns": {TARGET: found.target.name, **prompts.columns(made)}}
        why = f"{found.target.name} says which of {_listed(look.name for look in shown)} is right"
        asked = Guess(keys, {"name": why}, found.target, [part.look for part in made])
        prompt = f"{above}\n\n{below}\n\nAnswer: "
        yield _chosen(asked.having("prompt", prompt, "the choices are part of what is asked"))


def _by_names(looks: Looks) -> Iterator[Guess]:
    """Built-in tasks whose columns are there under one of their usual names."""
    for name, table in task_files.built_in().items():
        wanted = columns.of(table)
        found = wanted.found([*looks])
        if table.answer == CHOOSE or MESSAGES in found or wanted.flaw([*looks]):
            continue
        target = looks[found[TARGET]]
        if target.texts or target.unread:
            named = {own: each for own, each in found.items() if own in (SOURCE, TARGET, *wanted.beside)}
            guessed = _guess(name, named, looks, f"it has columns called {_listed(named.values())}")
            yield _scored(guessed, target) if name == SHORT else guessed


def _scored(found: Guess, target: Look) -> Guess:
    """Answers that are few are chosen, and long ones are not compared word for word."""
    if "extract" in found.keys:
        return found
    if roles.is_label(target, MAX_ANSWERS):
        return _chosen(found)
    if target.characters < SHORT_CHARACTERS:
        return found
    return found.having("metrics", task_files.built_in()[LONG].metrics, _length(target))


def _chosen(found: Guess) -> Guess:
    """The same, with answers that are chosen among the targets."""
    target = found.target
    few = f"{target.name} has only {target.different} different values" if target else ""
    like = task_files.built_in()[LABELLED].metrics
    return found.having("answer", CHOOSE, few).having("metrics", like, "those for labels; the first one ranks")


def _length(target: Look) -> str:
    how = "hardly ever equal" if target.characters >= SHORT_CHARACTERS else "short enough to be compared as a whole"
    return f"texts of {target.name} have {target.characters:,} characters in the middle, and are {how}"


def _languages(looks: Looks) -> Iterator[Guess]:
    spoken = {name: LANGUAGES[look.key] for name, look in looks.items() if look.is_text and look.key in LANGUAGES}
    for one, other in combinations(sorted(spoken, key=lambda name: spoken[name] != LANGUAGES["en"]), 2):
        found = _guess(TRANSLATED, {SOURCE: one, TARGET: other}, looks, f"{one} and {other} are names of languages")
        yield found.having("values", {"source_lang": spoken[one], "target_lang": spoken[other]}, "by the names")


def _labels(looks: Looks) -> Iterator[Guess]:
    usual = [*LABELS, *TARGETS]
    choices = [look for look in looks.values() if roles.is_label(look) and not look.is_id]
    for target in sorted(choices, key=lambda look: usual.index(look.key) if look.key in usual else len(usual)):
        others = [look for look in roles.usable(looks) if look is not target and not roles.is_another_label(look)]
        if source := roles.likeliest([look for look in others if look.is_text]):
            read = [look for look in others if look is source or look.is_prose]
            why = f"{target.name} has only {target.different} different values in {target.rows:,} rows"
            yield _about(_guess(LABELLED, {SOURCE: source.name, TARGET: target.name}, looks, why), source, read)


def _about(found: Guess, source: Look, read: Sequence[Look]) -> Guess:
    """The same about all of these columns, in a prompt that names them."""
    if len(read) == 1:
        return found
    made = prompts.parts(source, read, [f"{prompts.titled(look.name)}: " for look in read])
    prompt = prompts.written(made, "\n\nLabel: ", "Classify the following texts.\n\n")
    named = {**prompts.columns(made), **found.keys["columns"]}
    whole = replace(found, keys={**found.keys, "columns": named}, read=read)
    return whole.having("prompt", prompt, "all columns with text that are no labels; take out what gives it away")


def _named(looks: Looks, name: str) -> Iterator[Guess]:
    """A task of its own, whose target has a usual name."""
    targets = [look for look in looks.values() if look.key in TARGETS and (look.texts or look.unread)]
    return _own(looks, [look for look in targets if not roles.is_label(look)], name)


def _unnamed(looks: Looks, name: str) -> Iterator[Guess]:
    """A task of its own, whose target is a score, if there is one, or else the last column with text."""
    scores = [look for look in looks.values() if look.key in SCORES and look.unread]
    texts = [look for look in reversed([*looks.values()]) if look.is_text and not look.is_id]
    return _own(looks, [*scores, *texts], name)


def _own(looks: Looks, targets: Sequence[Look], name: str) -> Iterator[Guess]:
    for target in targets:
        others = [look for look in looks.values() if look is not target and not look.is_id]
        source = roles.likeliest([look for look in roles.sources(looks) if look is not target])
        if source is None:
            continue
        why = f"no built-in task has such columns; {target.name} looks like what is to be written about {source.name}"
        found = _guess(name, {SOURCE: source.name, TARGET: target.name}, looks, why)
        extra = [look for look in others if look.key in BESIDE and look is not source and look.filled]
        made = prompts.parts(source, [source, *(look for look in extra if not look.unread and not look.lists)])
        prompt = prompts.written(made, f"\n\n{prompts.literal(target.name.strip().capitalize())}: ")
        named = {**prompts.columns(made), **found.keys["columns"]}
        own = replace(found, keys={**found.keys, "columns": named}, read=[part.look for part in made])
        like = task_files.built_in()[SHORT if target.characters < SHORT_CHARACTERS else LONG]
        yield own.having("prompt", prompt, "write here what is asked").having("metrics", like.metrics, _length(target))


def _guess(name: str, named: Mapping[str, str], looks: Looks, why: str) -> Guess:
    target = looks[named[TARGET]]
    read = [looks[name] for own, name in named.items() if own != TARGET]
    found = Guess({"name": name, "columns": dict(named)}, {"name": why}, target, read)
    if name == LABELLED or target.share(MARKED) < MOST:
        return found
    marked = f"{target.share(MARKED):.0%} of {target.name} have ####, and the answer after it"
    return found.having("extract", MARKED, marked)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else f"{last}"
