"""Which family a checkpoint belongs to."""

from collections.abc import Mapping

from transformers import PretrainedConfig, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from ..spec import task_files
from ..spec.errors import ModelError
from ..spec.suite import AUTO, ModelTable, TaskTable
from ..spec.task_table import MESSAGES
from .causal import CausalFamily
from .chat import Chat, Conversations
from .family import Family
from .seq2seq import Seq2SeqFamily

CLASSES: Mapping[type[Family], Mapping[str, str]] = {  # model types with the names of their classes
    Seq2SeqFamily: MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    CausalFamily: MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
}


def of(table: ModelTable, config: PretrainedConfig) -> type[Family]:
    """The family of a checkpoint: what the suite says, else by its ``architectures``, else by its model type.

    Many model types are used in several ways; then the configuration says which stacks there are.
    Raises ``ModelError`` if none of these decides, and for an encoder.
    """
    stacks: type[Family] = Seq2SeqFamily if config.is_encoder_decoder else CausalFamily
    wanted = [family for family in CLASSES if family.name == table.family]
    named = [family for family, names in CLASSES.items() if {*names.values()} & {*(config.architectures or ())}]
    if stacks is CausalFamily and Seq2SeqFamily in named:  # such as Qwen2-Audio, a decoder that also hears
        named = []
    typed = [stacks] if config.model_type in CLASSES[stacks] and not _is_encoder(config) else []
    for found in (wanted, named, typed):
        if len(found) == 1:
            return found[0]
    raise ModelError(f"model {table.name!r}: {_unknown(config)}")


def _is_encoder(config: PretrainedConfig) -> bool:
    """Whether a model reads texts in both directions, as BERT does unless its configuration makes it a decoder."""
    masked = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and config.model_type not in CLASSES[Seq2SeqFamily]
    return masked and not getattr(config, "is_decoder", False)


def _unknown(config: PretrainedConfig) -> str:
    architectures = ", ".join(config.architectures or ()) or "not named"
    known = f"(architectures {architectures}, model type {config.model_type!r})"
    if _is_encoder(config):
        return f"an encoder {known}, which reads texts but writes none; choose a model with a decoder"
    return (
        f"not known to be an encoder-decoder or a decoder-only language model {known}; choose another one or, if it is "
        'one of them, set model.family to "seq2seq" or "causal"'
    )


def with_tokenizer(
    family: type[Family], tokenizer: PreTrainedTokenizerBase, task: TaskTable | None, name: str
) -> Family:
    """The family with the tokenizer of the model of that name, which reads prompts as the task says.

    Raises ``ModelError`` if it cannot, or if the tokenizer has no end token for a decoder-only model.
    """
    talks = family is CausalFamily and tokenizer.chat_template is not None
    if task is not None and task.system is not None and not talks:
        raise ModelError(
            f"model {name!r}: task.system is for decoder-only models whose tokenizer has a chat template, which this "
            "one is not; leave out task.system"
        )
    if family is not CausalFamily:
        return family(tokenizer)
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"model {name!r}: its tokenizer has no end token, so the model cannot learn where an answer ends; set "
            '"eos_token" in its tokenizer_config.json'
        )
    if not talks or task is None or task.chat != AUTO:
        return CausalFamily(tokenizer)
    kind = Conversations if MESSAGES in (task_files.completed(task).columns or {}) else Chat
    return CausalFamily(tokenizer, kind(tokenizer, task.system, name))
