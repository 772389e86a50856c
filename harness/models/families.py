"""Which family a checkpoint belongs to."""

from collections.abc import Mapping

from transformers import PretrainedConfig, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from ..spec.errors import ModelError
from ..spec.suite import AUTO, ModelTable, TaskTable
from .causal import CausalFamily
from .chat import Chat
from .family import Family
from .seq2seq import Seq2SeqFamily

CLASSES: Mapping[type[Family], Mapping[str, str]] = {  # model types with the names of their classes
    Seq2SeqFamily: MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    CausalFamily: MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
}


def of(table: ModelTable, config: PretrainedConfig) -> type[Family]:
    """The family of a checkpoint: what the suite says, else by its ``architectures``, else by its model type.

    Some model types are in both families; then the configuration says whether there is an encoder.
    Raises ``ModelError`` if none of these decides.
    """
    wanted = [family for family in CLASSES if family.name == table.family]
    named = [family for family, names in CLASSES.items() if {*names.values()} & {*(config.architectures or ())}]
    typed = [family for family, names in CLASSES.items() if config.model_type in names]
    if len(typed) > 1:
        typed = [Seq2SeqFamily if config.is_encoder_decoder else CausalFamily]
    for found in (wanted, named, typed):
        if len(found) == 1:
            return found[0]
    raise ModelError(
        f"model {table.name!r}: not known to be an encoder-decoder or a decoder-only language model (architectures "
        f"{', '.join(config.architectures or ()) or 'not named'}, model type {config.model_type!r}); set model.family "
        'to "seq2seq" or "causal"'
    )


def with_tokenizer(
    family: type[Family], tokenizer: PreTrainedTokenizerBase, task: TaskTable | None, name: str
) -> Family:
    """The family with the tokenizer of the model of that name, which reads prompts as the task says."""
    if family is not CausalFamily:
        return family(tokenizer)
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"model {name!r}: its tokenizer has no end token, so the model cannot learn where an answer ends; set "
            '"eos_token" in its tokenizer_config.json'
        )
    talks = task is not None and task.chat == AUTO and tokenizer.chat_template is not None
    return CausalFamily(tokenizer, Chat(tokenizer, task.system, name) if task and talks else None)
