"""The training data of the embedded base model, from short windows of random words to whole conversations."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random

import torch
from transformers import PreTrainedTokenizerFast

from ..models.batching import by_length, of_size
from . import corpus, instructions, writing
from .architecture import MAX_SOURCE_TOKENS
from .corpus import Conversation
from .instructions import Exercise, Turns

Weights = dict[instructions.Instruction, int]

SEED = 20261122
BATCH_SIZE = 48
# Shares in the first phase, in the second, which is mostly questions, in the third, which is mostly writing, and in the
# last, which has something of everything:
NONSENSE_SHARES = (0.1, 0.02, 0.02, 0.05)  # examples of random words; at first many more
UNKNOWN_SHARES = (0.0, 0.0, 0.0, 0.1)  # real examples whose instruction is made of random words
WRITING_SHARES = (0.0, 0.0, 0.65, 0.6)  # other real examples that write
WHOLE_SHARES = (0.3, 0.2, 0.1, 0.1)  # other real examples that use the whole conversation
FACT_SHARES = (0.6, 0.9, 0.8, 0.85)  # other real examples that ask for facts
DISGUISED_SHARES = (0.25, 0.1, 0.1, 0.25)  # real conversations whose facts are random words
POOL_BATCHES = 16  # drawn at once and sorted by length, so that batches have little padding
# How often each task is drawn: these read any window of turns, nonsense too …
WINDOW_TASKS: Weights = {
    instructions.who_said: 4,
    instructions.repeat: 3,
    instructions.repeat_speaker: 1,
    instructions.reply: 1,
    instructions.gap: 1,
    instructions.copy: 1,
}
# … these need real turns, and these the whole conversation.
FACT_TASKS: Weights = {instructions.slots: 1}
WHOLE_TASKS: Weights = {instructions.report: 5, instructions.topic: 1}
WRITING_TASKS: Weights = {
    writing.retell: 4,
    writing.minutes: 4,
    writing.message: 4,
    writing.diary: 2,
    writing.headline: 2,
    writing.minded: 2,
    writing.answer: 2,
    writing.mend: 2,
}


def tokenizer_texts() -> list[str]:
    """The texts that the tokenizer is made from."""
    rng = Random(f"{SEED} tokenizer")
    return [part for _ in range(12_000) for part in _real_example(rng, 0.99)[1:]]


def batches(tokenizer: PreTrainedTokenizerFast, steps: int, phase: int) -> Iterator[dict[str, torch.Tensor]]:
    """The batches of a phase as tokens: input_ids, attention_mask and labels of shape (rows, longest row)."""
    rng = Random(f"{SEED} batches" + phase * " again")
    for start in range(0, steps, POOL_BATCHES):
        count = min(POOL_BATCHES, steps - start)
        examples = [_example(rng, phase + start / steps) for _ in range(count * BATCH_SIZE)]
        sources = tokenizer([e.prompt for e in examples], truncation=True, max_length=MAX_SOURCE_TOKENS)["input_ids"]
        targets = tokenizer([e.answer for e in examples])["input_ids"]
        lengths = [len(tokens) for tokens in sources]
        groups = by_length(range(len(lengths)), lengths.__getitem__, of_size(BATCH_SIZE))
        for group in rng.sample(groups, len(groups)):
            yield _tensors([sources[i] for i in group], [targets[i] for i in group])


def _tensors(sources: list[list[int]], targets: list[list[int]]) -> dict[str, torch.Tensor]:
    def pad(rows: list[list[int]], value: int) -> torch.Tensor:
        longest = max(map(len, rows))
        return torch.tensor([row + [value] * (longest - len(row)) for row in rows])

    ids = pad(sources, 0)
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": pad(targets, -100)}


def _example(rng: Random, progress: float) -> Exercise:
    """A random example at this point of the curriculum, which moves from short nonsense to whole conversations."""
    nonsense = 0.75 if progress < 0.08 else 0.4 if progress < 0.2 else NONSENSE_SHARES[int(progress)]
    return _nonsense_example(rng, progress) if rng.random() < nonsense else _real_example(rng, progress)


def _real_example(rng: Random, progress: float) -> Exercise:
    phase = int(progress)
    while True:
        drawn = conversation(rng)
        if rng.random() < DISGUISED_SHARES[phase]:
            drawn = _disguised(drawn, rng)
        turns: Turns = drawn.turns
        if UNKNOWN_SHARES[phase] and rng.random() < UNKNOWN_SHARES[phase]:
            make: instructions.Instruction = unknown
        elif WRITING_SHARES[phase] and rng.random() < WRITING_SHARES[phase]:
            make = _draw(WRITING_TASKS, rng)
            turns = _window(turns, rng, progress) if make is writing.retell else turns
        elif progress > 0.05 and rng.random() < WHOLE_SHARES[phase]:
            make = _draw(WHOLE_TASKS, rng)
        else:
            make = _draw(FACT_TASKS if rng.random() < FACT_SHARES[phase] else WINDOW_TASKS, rng)
            turns = _window(turns, rng, progress)
        if (example := make(drawn, turns, rng)) is not None:
            return example


def unknown(conversation: Conversation, turns: Turns, rng: Random, most: int = 1) -> Exercise:
    """Name the topic at an instruction of random words: the short answer to whatever was not taught."""
    instruction, cue = (" ".join(rng.choices(_words(), k=rng.randint(1, most))) for most in (6, 2))
    prompt = instructions.frame(f"{instruction.capitalize()}.", conversation.turns, cue.capitalize())
    return Exercise("unknown", prompt, conversation.scenario.topic)


def _disguised(conversation: Conversation, rng: Random) -> Conversation:
    """The conversation with random words for its facts, which then cannot be guessed from the scenario."""
    facts, turns = dict(conversation.facts), list(conversation.turns)
    for slot in conversation.scenario.questions:
        if slot in facts:
            new = " ".join(rng.choices(_words(), k=rng.randint(1, 4)))
            pattern = re.compile(rf"(?<!\w){re.escape(facts[slot])}(?!\w)", re.IGNORECASE)
            turns = [(speaker, pattern.sub(new, text)) for speaker, text in turns]
            facts[slot] = new
    return replace(conversation, facts=facts, turns=tuple(turns))


def _nonsense_example(rng: Random, progress: float) -> Exercise:
    drawn = conversation(rng)
    words = _words()
    length = rng.randint(2, 2 + round(6 * min(1.0, 4 * progress)))
    speakers = ("#Person1#", "#Person2#")
    while True:
        texts = [" ".join(rng.choices(words, k=rng.randint(3, 7))).capitalize() + "." for _ in range(length)]
        turns = tuple((speakers[index % 2], text) for index, text in enumerate(texts))
        if (example := _draw(WINDOW_TASKS, rng)(drawn, turns, rng)) is not None:
            return example


def _draw(tasks: Weights, rng: Random) -> instructions.Instruction:
    return rng.choices(list(tasks), list(tasks.values()))[0]


def _window(turns: Turns, rng: Random, progress: float) -> Turns:
    """Consecutive turns, from two up to all of them; later on, all of them half of the time."""
    longest = 2 + math.ceil((len(turns) - 2) * min(1.0, 4 * progress))
    if longest >= len(turns) and rng.random() < 0.5:
        return turns
    length = rng.randint(2, min(longest, len(turns)))
    start = rng.randrange(len(turns) - length + 1)
    return turns[start : start + length]


def conversation(rng: Random, held_out: bool = False) -> Conversation:
    return corpus.converse(rng.choice([s for s in corpus.scenarios() if s.held_out == held_out]), rng)


@cache
def _words() -> list[str]:
    """The words of the pre-training conversations."""
    rng = Random(f"{SEED} words")
    texts = (text for _ in range(3000) for _, text in conversation(rng).turns)
    return sorted({word.strip(".,?!").lower() for text in texts for word in text.split()} - {""})
