"""What methods are tried on: a small base model of each family, with random weights, and rows for it to read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase, set_seed

from ..models.base_model import EMBEDDED, Model
from ..models.causal import CausalFamily
from ..models.family import Batch, Encoded, Family
from ..models.seq2seq import Seq2SeqFamily
from ..spec.suite import TaskTable
from ..tasks.task import prompt_of
from . import shapes

VOCABULARY = 3072  # the embedded tokenizer's
PROMPT = prompt_of(TaskTable(name="dialogsum"))
SMALL_T5 = {"vocab_size": VOCABULARY, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_heads": 4, "num_layers": 2}
SMALL_LLAMA = {
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


@dataclass(frozen=True)
class Subject:
    """The models of one family: a small one, to try methods on, and one of a shape that people know, to count with."""

    kind: type[Family]
    make: Callable[..., Model]
    small: Mapping[str, int]
    known: Mapping[str, int]

    @property
    def family(self) -> Family:
        """The family, with the embedded model's tokenizer."""
        return self.kind(tokenizer())

    def model(self) -> Model:
        """A new small model, always with the same weights."""
        set_seed(0)
        return self.make(**self.small).eval()

    def of_known_shape(self) -> Model:
        """A new model of the shape that people know."""
        return self.make(**self.known)

    def batch(self) -> Batch:
        """The rows, as the family trains on them."""
        return self.family.batch(_rows())


SUBJECTS = (
    Subject(Seq2SeqFamily, shapes.t5, SMALL_T5, shapes.FLAN_T5_SMALL),
    Subject(CausalFamily, shapes.llama, SMALL_LLAMA, shapes.SMOLLM2_135M),
)


@cache
def tokenizer() -> PreTrainedTokenizerBase:
    """The embedded model's tokenizer."""
    return AutoTokenizer.from_pretrained(str(EMBEDDED))


@cache
def _rows() -> list[Encoded]:
    """Eight rows of random tokens, half of them the instruction's, which some methods know; the first is shorter."""
    draw = torch.Generator().manual_seed(0)
    known = torch.tensor(tokenizer()(PROMPT.fill(""))["input_ids"])
    sources, targets = (
        torch.where(
            torch.rand(8, length, generator=draw) < 0.5,
            known[torch.randint(len(known), (8, length), generator=draw)],
            torch.randint(3, VOCABULARY, (8, length), generator=draw),
        )
        for length in (16, 12)
    )
    rows = [Encoded(source, target) for source, target in zip(sources, targets, strict=True)]
    return [Encoded(rows[0].source[:10], rows[0].target[:6]), *rows[1:]]
