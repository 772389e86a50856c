"""Figures about a run's answers: their lengths, and how many are valid."""

from .block import Block


class Lengths(Block):
    """The effects of truncation and stopping; shares in 0..1."""

    prompts_truncated: float = 0.0
    targets_truncated: float = 0.0
    outputs_cut: float | None = None  # of the texts that the shared decoding generated; ``None`` if there are none
    outputs_empty: float = 0.0
    words_out: float = 0.0
    words_reference: float = 0.0


class Answers(Block):
    """How many of the scored answers are valid, in a task that says which may be."""

    valid: int
    invalid: int
