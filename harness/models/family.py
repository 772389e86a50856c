"""The contract of a model family: what differs between encoder-decoder and decoder-only language models."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Self

import torch
from peft import TaskType
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    Cache,
    EncoderDecoderCache,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ..spec.conversation import Turn, as_text
from ..spec.prompt_format import PromptFormat

IGNORED = -100  # labels that the loss skips

Batch = dict[str, torch.Tensor]  # input_ids, attention_mask, labels: (rows, longest row), int64
Lengths = tuple[int, int]  # of a source and of a target, in tokens


@dataclass(frozen=True)
class Encoded:
    """One training row in tokens, each a vector of int32."""

    source: torch.Tensor
    target: torch.Tensor

    @property
    def lengths(self) -> Lengths:
        """The lengths of source and target."""
        return len(self.source), len(self.target)


@dataclass
class Memory:
    """What a model keeps of texts that it has read, so that several others can follow each of them; a row for each."""

    cache: Cache
    beside: dict[str, torch.Tensor] = field(default_factory=dict)  # what else the model is given with each call

    def copy(self) -> Self:
        """The same in another object, from which rows can be taken while this one stays as it is.

        Both have the same keys and values, without a copy: taking rows makes new ones.
        """
        shared = {id(each): each for each in _keys_and_values(self.cache)}
        return type(self)(deepcopy(self.cache, shared), dict(self.beside))

    def take(self, rows: Sequence[int]) -> None:
        """Go on with these rows, each as often as it is named."""
        index = torch.tensor(rows)
        self.cache.reorder_cache(index)
        self.beside = {name: each[index.to(each.device)] for name, each in self.beside.items()}


def _keys_and_values(cache: Cache) -> Iterator[torch.Tensor]:
    """What the layers of a cache keep of tokens."""
    if isinstance(cache, EncoderDecoderCache):
        yield from _keys_and_values(cache.self_attention_cache)
        yield from _keys_and_values(cache.cross_attention_cache)
        return
    for layer in cache.layers:
        found = (getattr(layer, name, None) for name in ("keys", "values"))
        yield from (each for each in found if each is not None)


class Demand(NamedTuple):
    """Tokens that a part of a model must have positions for, and the suite's keys that limit them."""

    part: torch.nn.Module
    name: str
    tokens: int
    what: str
    keys: str


class Family(ABC):
    """How the base models of a family are loaded, trained and asked, with the tokenizer of one of them."""

    name: ClassVar[str]
    kind: ClassVar[str]  # of its models, in a message
    task_type: ClassVar[TaskType]  # PEFT's
    loader: ClassVar[type[AutoModelForSeq2SeqLM] | type[AutoModelForCausalLM]]  # transformers', of a checkpoint
    padding_side: ClassVar[str]  # of prompts in generation
    mixes_lengths: ClassVar[bool]  # prompts of several lengths can be read at once, for texts to follow each of them

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self.tokenizer = tokenizer

    @property
    def pad(self) -> int:
        """The token that fills short rows; it is never attended to."""
        return int(self.tokenizer.pad_token_id or 0)

    @property
    @abstractmethod
    def end(self) -> int | None:
        """The token that is put at the end of every target; ``None`` if the tokenizer ends targets itself."""

    @property
    def first(self) -> int | None:
        """The token that every answer must begin with, such as one for its language; none by default."""
        return None

    @property
    def rendered(self) -> bool:
        """Whether prompts are conversations that a template has rendered, and so whole: no text belongs around them."""
        return False

    @property
    def prompt_format(self) -> PromptFormat | None:
        """How prompts are read, where that is more than what the checkpoint and the task say."""
        return None

    @abstractmethod
    def prompt_ids(self, prompts: Sequence[str]) -> list[list[int]]:
        """The tokens of prompts, as the model reads them in training and in generation."""

    @abstractmethod
    def target_ids(self, targets: Sequence[str], longest: int) -> tuple[list[list[int]], float]:
        """The tokens of targets, cut before their end token, and the share of targets that were longer.

        Raises ``SuiteError`` if ``longest`` leaves no room for a target's first token.
        """

    def scored(self, target: Sequence[int]) -> slice:
        """Which of a target's tokens say how likely it is: those that a model that answers chooses by itself."""
        return slice(0, len(target))

    def conversation(self, turns: Sequence[Turn]) -> str:
        """The prompt after which the assistant goes on with a conversation: plain text, unless there is a template."""
        return as_text(turns)

    def trailing_space(self, prompt: str) -> str:
        """The spaces at the end of a prompt that are no part of its tokens, but of its target's; none by default."""
        return ""

    @abstractmethod
    def shown(self, row: Encoded, prompt: str, target: str) -> tuple[str, str]:
        """The texts of a training row, cut as its tokens are, to put them into another prompt.

        ``prompt`` and ``target`` are the texts from which its tokens were made.
        """

    @abstractmethod
    def batch(self, rows: Sequence[Encoded]) -> Batch:
        """One training batch, padded on the right to its longest row; padding is in neither attention nor loss."""

    @abstractmethod
    def orders(self) -> Sequence[Callable[[Lengths], int]]:
        """The lengths by which sorted rows may leave little padding."""

    @abstractmethod
    def padded(self, rows: Sequence[Lengths]) -> int:
        """The tokens of a batch of rows of these lengths, padding included."""

    @abstractmethod
    def tokens(self, batch: Batch) -> Sequence[torch.Tensor]:
        """Where a batch has tokens and no padding: in what is read and in what is written, or in both as one.

        Booleans of shape (rows, longest row); the first ones are those of ``input_ids``, the last those of ``labels``.
        """

    def row_tokens(self, batch: Batch) -> torch.Tensor:
        """The source and target tokens of each row of a batch, without padding."""
        return torch.stack([side.sum(1) for side in self.tokens(batch)]).sum(0)

    @abstractmethod
    def answers(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], **options: Any) -> torch.Tensor:
        """The new tokens that a model, or the PEFT model around it, generates after prompts, padded on the right.

        ``options`` go to ``generate``; ``stops`` may be among them (``models.stopping``).
        """

    @abstractmethod
    def target_logits(self, model: PreTrainedModel, rows: Sequence[Encoded]) -> torch.Tensor:
        """What a model, or the PEFT model around it, predicts for each token of the targets, one row after another.

        It reads them as in training. Of shape (tokens of all targets, vocabulary).
        """

    @abstractmethod
    def read(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, Memory]:
        """What a model, or the PEFT model around it, predicts after prompts, and what it keeps of them.

        Of shape (prompts, vocabulary). The prompts have the same length unless the family mixes lengths. Raises
        whatever a model raises that keeps nothing.
        """

    @abstractmethod
    def read_on(self, model: PreTrainedModel, memory: Memory, ids: torch.Tensor) -> torch.Tensor:
        """What the model predicts after each of these tokens, a row of them for each row that it has read.

        Of shape (rows, tokens, vocabulary). It keeps these tokens as well.
        """

    def around(self, before: str, after: str) -> tuple[str, str]:
        """What the tokenizer reads around a text whose prompt has ``before`` and ``after`` around it."""
        return before, after

    @abstractmethod
    def script(self, text: str) -> tuple[str, str]:
        """Two expressions in Python without Tuneoff: what ``generate`` gets, and the tokens that are the answer.

        The first is about ``tokenizer`` and ``model``, and ``text`` is the expression of the prompt's text in it. The
        second is about its value, ``prompt``, and what ``generate`` returned, ``answer``.
        """

    @abstractmethod
    def likelihood(self) -> str:
        """A function in Python without Tuneoff: the log-likelihood per token of a ``label`` after ``prompt``.

        It is about ``tokenizer``, ``model`` and ``asked``, the prompt's text.
        """

    @abstractmethod
    def demands(self, model: PreTrainedModel, source: int, target: int) -> Sequence[Demand]:
        """What a prompt and an answer of these lengths need positions for."""

    @abstractmethod
    def cache(self, prefix: Cache) -> Cache:
        """The cache of a whole model in which the decoder's layers begin with these keys and values."""
