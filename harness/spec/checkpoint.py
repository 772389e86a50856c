"""What is stored about a trained model that was kept."""

from .block import Block


class Checkpoint(Block):
    """The trained model of a run, kept for use without Tuneoff; without ``path``, it was not kept, for ``reason``."""

    path: str | None = None  # of its folder, relative to the folder of the suite's results
    hash: str | None = None  # of the names and contents of its files
    bytes: int | None = None  # of all its files
    loader: str | None = None  # the class of transformers or PEFT that loads it
    answers_equal: bool | None = None  # whether it answers the first test prompts as scored without the method's code
    reason: str | None = None  # why it was not kept, or why those answers differ
