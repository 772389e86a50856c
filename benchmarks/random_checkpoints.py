"""Checkpoints with random weights: for each family, a model of a plain shape and a tokenizer of its kind."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast, set_seed

from harness.catalogue import shapes

VOCABULARY = 32_128
PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
# SmolLM2-135M has the same proportions, but is 576 wide and has 30 layers.
SMALL_LLAMA = {
    "vocab_size": VOCABULARY,
    "hidden_size": 384,
    "intermediate_size": 1024,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}


def _llama() -> PreTrainedModel:
    """A new Llama whose output layer is its embedding."""
    return LlamaForCausalLM(
        LlamaConfig(**SMALL_LLAMA, tie_word_embeddings=True, bos_token_id=None, eos_token_id=1, pad_token_id=0)
    )


@dataclass(frozen=True)
class Shape:
    """A model, and what its tokenizer does."""

    name: str
    model: Callable[[], PreTrainedModel]
    max_tokens: int
    ends_texts: bool  # whether the tokenizer appends the end token to every text


SHAPES: Mapping[str, Shape] = {  # by the name of the family
    "seq2seq": Shape("flan-t5-small", partial(shapes.t5, **shapes.FLAN_T5_SMALL), max_tokens=512, ends_texts=True),
    "causal": Shape("a Llama with 31 million parameters", _llama, max_tokens=2048, ends_texts=False),
}


def create(family: str, folder: Path, texts: Iterable[str]) -> Path:
    """Write a checkpoint of that family into the folder: the same weights every time, a vocabulary of these texts."""
    set_seed(0)
    SHAPES[family].model().save_pretrained(folder)
    tokenizer(family, texts).save_pretrained(folder)
    return folder


def tokenizer(family: str, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A BPE tokenizer trained on the texts, so that their lengths are like those of English with a usual vocabulary."""
    shape, made = SHAPES[family], Tokenizer(models.BPE(unk_token=UNKNOWN))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - 100, special_tokens=[PAD, END, UNKNOWN], show_progress=False)
    made.train_from_iterator(texts, trainer)
    if shape.ends_texts:
        made.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token=PAD, eos_token=END, unk_token=UNKNOWN, model_max_length=shape.max_tokens
    )
