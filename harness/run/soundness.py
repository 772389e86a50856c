"""Tries out, on a suite's own rows, what a base model must be able to do, before the runs begin."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import torch

from ..models import label_tokens, learned_prompts, positions
from ..models.base_model import Base, Model
from ..models.family import Encoded, Family, Lengths
from ..models.generation import refusal
from ..spec.errors import ModelError
from ..spec.suite import CHECKPOINT, Evaluation
from ..tasks.task import PreparedTask
from ..training import decoding
from . import vocabulary

MAX_TRIAL_TOKENS = 8  # of an answer, which only shows that the model can answer
LATER_TOKENS, EARLIER_TOKENS = 2, 8  # before the last of a training row: those that are changed, and those before them
LATER = slice(-LATER_TOKENS - 1, -1)  # not the last token, with which mBART's decoder begins
SEEN = slice(LATER.start - EARLIER_TOKENS, LATER.start)  # of which what is predicted is compared
SETTING_PLACES = "in its config.json, and in its generation_config.json if it has one"
MAX_NOISE, MAX_NOISE_IN_FEW_BITS = 1e-5, 3e-2  # in what is predicted for the same tokens, relative to its size


def check(
    base: Base, task: PreparedTask, evaluation: Evaluation, name: str, written: Iterable[list[int]] = ()
) -> list[str]:
    """Raise a ``ModelError`` that every run would raise, or else return notices about the base model of that name.

    ``written`` are the tokens of other texts that it will have to write, beside the targets of training.
    """
    prompts = sorted((question.prompt for question in task.questions), key=len)
    sources, targets = _tokens(base.family, task)
    asked = [*map(list, written)]
    unwritable = vocabulary.unwritable(base, targets, asked, name)
    targets += asked
    vocabulary.check(base, sources, targets, name)
    longest = max(sources, key=len)
    if short := positions.shortage(base.family, base.model, _lengths(sources, targets, task, evaluation)):
        raise ModelError(f"model {name!r}: its {short}; set {short.demand.keys} to at most {short.positions}")
    row = Encoded(*map(torch.tensor, (longest, max(targets, key=len))))
    _looks_back_only(base, row, _learned(base, row, name), name)
    _begins_and_ends_alike(base, row, name)
    if not task.chooses:
        _answers(base, [prompts[0], prompts[-1]], evaluation, name)
    return [*unwritable, *_remarks(base)]


def too_long(model: Model, task: PreparedTask, evaluation: Evaluation) -> str | None:
    """Why a method's model has too few positions for what it puts in front of prompts; ``None`` if it has enough."""
    added = sum(learned_prompts.lengths(model))
    if not added:
        return None
    sources, targets = _tokens(task.family, task)
    short = positions.shortage(task.family, model, _lengths(sources, targets, task, evaluation))
    return f"the base model's {short}, with the {added:,} that this method puts in front" if short else None


def _tokens(family: Family, task: PreparedTask) -> tuple[list[list[int]], list[list[int]]]:
    """All prompts and all targets of a task, its labels among them."""
    prompts = [question.prompt for question in task.questions]
    sources = [*(row.source.tolist() for row in task.training), *family.prompt_ids(prompts)]
    valid = label_tokens.by_space(task.labels, family, prompts).values() if task.labels else ()
    return sources, [*(row.target.tolist() for row in task.training), *chain.from_iterable(valid)]


def _lengths(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], task: PreparedTask, evaluation: Evaluation
) -> Lengths:
    """The lengths of the longest prompt, and of the longest target or, if answers are generated, answer."""
    generated = 0 if task.chooses else evaluation.max_new_tokens
    return max(map(len, sources)), max(generated, *map(len, targets))


def _learned(base: Base, row: Encoded, name: str) -> torch.Tensor:
    """What the model predicts at ``SEEN`` of a training row; raises ``ModelError`` unless its loss is finite."""
    try:
        outputs = _outputs(base, row)
        loss = outputs.loss.item()
    except Exception as error:  # whatever a model's code raises
        raise ModelError(_cannot(name, "read a training row", error)) from error
    if not loss < float("inf"):
        raise ModelError(
            f"model {name!r}: its loss on a training row is {loss}, so it cannot be trained; "
            "its weights are damaged or too large for float32, choose another checkpoint"
        )
    return _seen(outputs)


def _looks_back_only(base: Base, row: Encoded, predicted: torch.Tensor, name: str) -> None:
    """Raise ``ModelError`` if what the model predicts depends on later tokens, which training would give away.

    ``predicted`` is what it predicts at ``SEEN`` of the row.
    """
    changed = row.target.clone()
    changed[LATER] = row.source[0]
    other = _seen(_outputs(base, Encoded(row.source, changed)))
    noise = MAX_NOISE if base.model.dtype == torch.float32 else MAX_NOISE_IN_FEW_BITS
    if torch.linalg.vector_norm(predicted - other) > noise * torch.linalg.vector_norm(predicted):
        raise ModelError(
            f"model {name!r}: what it predicts depends on the tokens that follow, as in an encoder such as BERT, so "
            "training would show it what to write; choose an encoder-decoder or a decoder-only language model"
        )


def _seen(outputs: Any) -> torch.Tensor:
    """A copy, so that the predictions of a whole row, over the whole vocabulary, need not stay in memory."""
    predicted: torch.Tensor = outputs.logits[0, SEEN].clone()
    return predicted


def _begins_and_ends_alike(base: Base, row: Encoded, name: str) -> None:
    """Raise ``ModelError`` unless answers begin and end as training teaches."""
    tokenizer, settings = base.tokenizer, base.model.generation_config
    ends = settings.eos_token_id if isinstance(settings.eos_token_id, list) else [settings.eos_token_id]
    if not {*ends} & {*row.target.tolist()}:
        last = tokenizer.convert_ids_to_tokens(int(row.target[-1]))
        raise ModelError(
            f"model {name!r}: training ends a target with {last!r}, which ends no answer, so it cannot learn to stop; "
            f"set eos_token_id {SETTING_PLACES}"
        )
    if prepare := getattr(base.model, "prepare_decoder_input_ids_from_labels", None):
        trained = int(prepare(labels=base.family.batch([row])["labels"])[0, 0])
        if trained != settings.decoder_start_token_id:
            first, other = tokenizer.convert_ids_to_tokens([trained, settings.decoder_start_token_id])
            raise ModelError(
                f"model {name!r}: training begins a target with {first!r}, but answers begin with {other!r}; set "
                f"decoder_start_token_id to {trained} {SETTING_PLACES}"
            )


def _outputs(base: Base, row: Encoded) -> Any:
    """What the model returns for a training row."""
    batch = {key: tensor.to(base.model.device) for key, tensor in base.family.batch([row]).items()}
    with torch.inference_mode():
        return base.model(**batch)


def _answers(base: Base, prompts: Sequence[str], evaluation: Evaluation, name: str) -> None:
    """Raise ``ModelError`` unless the model answers a batch of prompts.

    With its own generation settings, it must give the same answers twice.
    """
    own = evaluation.generation == CHECKPOINT
    tokens = evaluation.max_new_tokens if own else min(MAX_TRIAL_TOKENS, evaluation.max_new_tokens)

    def answers() -> list[str]:
        return decoding.generate(
            base.model, base.family, prompts, max_new_tokens=tokens, num_beams=evaluation.num_beams
        )

    try:
        first = answers()
    except Exception as error:
        if own:
            raise ModelError(refusal(name, _line(error))) from error
        raise ModelError(_cannot(name, "answer a prompt", error)) from error
    if own and first != answers():
        raise ModelError(refusal(name, "the same prompts do not give the same answers"))


def _remarks(base: Base) -> Iterator[str]:
    tokenizer, rows = base.tokenizer, vocabulary.size(base)
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        yield f"short rows are padded with the end token {tokenizer.eos_token!r}"
    if (first := base.family.first) is not None:
        yield (
            f"answers begin with {tokenizer.convert_ids_to_tokens(first)!r}, the language that the tokenizer writes; "
            "for another, set tgt_lang in its tokenizer_config.json"
        )
    if (unknown := max(tokenizer.get_vocab().values()) + 1 - rows) > 0:
        yield f"the tokenizer has {unknown:,} tokens that the model does not know; none of them occurs in these rows"


def _cannot(name: str, what: str, error: Exception) -> str:
    return f"model {name!r}: it cannot {what}: {_line(error)}; choose another checkpoint, or another version of it"


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
