"""Whether a base model and its tokenizer know what a suite's texts are made of."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from ..models.base_model import Base
from ..spec.errors import ModelError, brief

MAX_UNWRITABLE_SHARE = 0.01  # of the references whose likelihood is asked for
MAX_SHOWN = 80  # characters of a text


def check(base: Base, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], name: str) -> None:
    """Raise ``ModelError`` unless the model has an embedding for every token that it will read or write."""
    special = base.model.generation_config
    read = {special.decoder_start_token_id or 0, base.tokenizer.pad_token_id}.union(*sources, *targets)
    rows = size(base)
    if (highest := max(read)) >= rows:
        raise ModelError(
            f"model {name!r}: its tokenizer uses token {highest} ({base.tokenizer.convert_ids_to_tokens(highest)!r}), "
            f"but the model has only {rows:,} tokens; use the tokenizer that belongs to the model, or enlarge the "
            f"model with resize_token_embeddings() and save it again"
        )


def unwritable(base: Base, learned: Sequence[list[int]], asked: Sequence[list[int]], name: str) -> list[str]:
    """A notice if targets have characters that the tokenizer cannot write, so that no answer can have them either.

    Raises ``ModelError`` if more than a few of the texts are ``asked`` for their likelihood, which would be another
    text's.
    """
    tokenizer = base.tokenizer
    token = tokenizer.unk_token_id
    if token is None or token in (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.bos_token_id):
        return []  # then it only ends or fills texts, as GPT-2's
    lost, lost_asked = ([ids for ids in texts if token in ids] for texts in (learned, asked))
    if len(lost_asked) > MAX_UNWRITABLE_SHARE * len(asked):
        raise ModelError(
            f"model {name!r}: its tokenizer cannot write {len(lost_asked):,} of {len(asked):,} references "
            f"({_line_of(tokenizer, lost_asked[0])}), so their likelihood would be that of {tokenizer.unk_token!r}; "
            "choose another checkpoint, or leave out the metrics that need likelihoods"
        )
    if not lost:
        return []
    return [
        f"the tokenizer cannot write {len(lost):,} of the {len(learned):,} training targets and labels "
        f"({_line_of(tokenizer, lost[0])}), so no generated answer can equal them"
    ]


def size(base: Base) -> int:
    """The number of tokens that all embeddings of the model have."""
    layers = (base.model.get_input_embeddings(), base.model.get_output_embeddings())
    return min(int(layer.weight.shape[0]) for layer in layers if layer is not None)


def _line_of(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    return f"one reads as {brief(repr(tokenizer.decode(ids)), MAX_SHOWN)}"
