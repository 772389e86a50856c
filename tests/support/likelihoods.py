"""Likelihoods computed the plain way: one row at a time, from all of its logits."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from harness.models.family import Family


@torch.no_grad()
def alone(model: PreTrainedModel, family: Family, prompt: str, target: str) -> tuple[float, int]:
    """The log-likelihood of a target with its end token after a prompt, and how many tokens it has.

    The language with which a multilingual model must begin does not count, nor does what follows the end token.
    """
    (source,), ((ids,), _) = (
        family.prompt_ids([prompt]),
        family.target_ids([family.trailing_space(prompt) + target], 10_000),
    )
    if family.name == "causal":
        logits = model.eval()(input_ids=torch.tensor([source + ids])).logits[0, -len(ids) - 1 : -1]
    else:
        logits = model.eval()(input_ids=torch.tensor([source]), labels=torch.tensor([ids])).logits[0]
    found = logits.float().log_softmax(-1)[range(len(ids)), ids].double()
    settings = model.generation_config
    kept = found[int(settings.forced_bos_token_id == ids[0]) : ids.index(settings.eos_token_id, 1) + 1]
    return float(kept.sum()), len(kept)


def chosen(model: PreTrainedModel, family: Family, prompts: Sequence[str], labels: Sequence[str]) -> list[str]:
    """For each prompt the label with the highest log-likelihood per token, each pair computed alone."""
    return [max(labels, key=lambda label: _per_token(model, family, prompt, label)) for prompt in prompts]


def _per_token(model: PreTrainedModel, family: Family, prompt: str, label: str) -> float:
    total, tokens = alone(model, family, prompt, label)
    return total / tokens
