"""What all methods of a suite share in a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import GenerationConfig, PreTrainedTokenizerBase

from ..models.family import Family
from ..tasks.prompt import Prompt


@dataclass(frozen=True)
class Setting:
    """The settings that all methods of a suite share in a run."""

    family: Family
    prompt: Prompt
    max_new_tokens: int
    num_beams: int
    seed: int
    micro_batch_size: int | None = None
    generation: GenerationConfig | None = None  # how prompts are answered; ``None``: as the model's own settings say
    stop: tuple[str, ...] = ()  # texts that end an answer
    examples: Sequence[tuple[str, str]] = ()  # prompts and targets of the rows that training begins with, as texts

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The base model's tokenizer."""
        return self.family.tokenizer
