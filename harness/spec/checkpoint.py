"""What is stored about a trained model that was kept."""

from pydantic import Field

from .block import Block


class Checkpoint(Block):
    """The trained model of a run, kept for use without Tuneoff; without ``path``, it was not kept, for ``reason``."""

    path: str | None = None  # of its folder, relative to the folder of the suite's results
    hash: str | None = None  # of the names and contents of its files
    bytes: int | None = None  # of all its files
    loader: str | None = None  # the class of transformers or PEFT that loads it
    answers_equal: bool | None = None  # whether it answers the first test prompts as scored without the method's code
    reason: str | None = None  # why it was not kept, or why those answers differ
    disk_failed: bool = Field(default=False, exclude_if=lambda failed: not failed)  # which is why it was not kept

    @property
    def impossible(self) -> bool:
        """Whether the model was not kept for a reason that another run would meet as well."""
        return self.path is None and self.reason is not None and not self.disk_failed
