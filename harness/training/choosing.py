"""Choosing among labels: each prompt is read once, and so is what labels begin with in common."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import groupby, pairwise

import torch

from ..models import label_tokens, positions, precision
from ..models.base_model import Model
from ..models.batching import by_length
from ..models.family import Family, Memory
from ..spec import failure
from ..spec.errors import Diverged
from . import label_tree, likelihood
from .label_tree import Predicted, Tree
from .likelihood import MAX_BATCH_TOKENS, MAX_LOGITS

Rows = Sequence[list[int]]  # of tokens
Way = Callable[[Model, Family, Rows, Rows], torch.Tensor]  # log-likelihoods of all labels after all prompts


def choose(
    model: Model, family: Family, prompts: Sequence[str], labels: Sequence[str], *, together: bool = True
) -> list[int]:
    """For each prompt, the number of the label with the highest log-likelihood per token; of equal ones, the first.

    A batch of prompts takes one pass for the prompts, one for the labels, and one more for each place further on at
    which labels with the same beginning fork: at most as many as the longest label has tokens. The tokens of a prompt
    are read once, and after it each token of the labels' tree once. A model that gives other likelihoods this way than
    for each pair alone is asked with whole rows: one for each pair, in batches, or alone if batches change them too, as
    they always are without ``together``. Which way is right is tried with the shortest and the longest prompt.

    Raises ``SuiteError`` for labels that the model cannot tell apart, ``Unsupported`` if it has too few positions, and
    ``Diverged`` if a likelihood is no number.
    """
    chosen = [0] * len(prompts)
    sources, targets = family.prompt_ids(prompts), label_tokens.by_space(labels, family, prompts)
    model.eval()
    with torch.no_grad():
        for space, ids in targets.items():
            numbers = [number for number, prompt in enumerate(prompts) if family.trailing_space(prompt) == space]
            asked = [sources[number] for number in numbers]
            positions.require(family, model, (max(map(len, asked)), max(map(len, ids))))
            found = (_way(model, family, asked, ids) if together else _alone)(model, family, asked, ids)
            for number, scores in zip(numbers, _per_token(found, family, ids).tolist(), strict=True):
                chosen[number] = scores.index(max(scores))
    return chosen


def _per_token(found: torch.Tensor, family: Family, targets: Rows) -> torch.Tensor:
    if found.isnan().any():
        raise Diverged("the likelihood of a label is NaN")
    return found / torch.tensor(likelihood.counted(family, targets))


def _way(model: Model, family: Family, sources: Rows, targets: Rows) -> Way:
    """The fastest way that gives the likelihoods of pairs that are alone."""
    some, few = [min(sources, key=len), max(sources, key=len)], _telling(targets)
    alone = _per_token(_alone(model, family, some, few), family, few)
    noise = precision.noise(model)

    def right(way: Way) -> bool:
        try:
            found = _per_token(way(model, family, some, few), family, few)
        except Exception as error:  # whatever a model's code raises, though it answers pairs
            failure.release(error)
            return False
        return torch.allclose(found, alone, rtol=0, atol=noise)

    return next((way for way in (_read_once, _in_batches) if right(way)), _alone)


def _telling(targets: Rows) -> Rows:
    """Few labels that go through all that many do: the longest, and the two with the longest common beginning."""
    ordered = sorted(targets)
    pair = max(pairwise(ordered), key=lambda two: _common(*two), default=())
    return [*pair, max(ordered, key=len)]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two labels begin with in common."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _rows(model: Model, family: Family, sources: Rows, targets: Rows, *, together: bool) -> torch.Tensor:
    """From a row for each pair."""
    pairs = [likelihood.encoded(source, target) for source in sources for target in targets]
    found = likelihood.sums(model, family, pairs, together=together)
    return torch.tensor(found, dtype=torch.float64).view(len(sources), len(targets))


_in_batches: Way = partial(_rows, together=True)
_alone: Way = partial(_rows, together=False)


def _read_once(model: Model, family: Family, sources: Rows, targets: Rows) -> torch.Tensor:
    """From prompts that are read once, each followed by all labels."""
    scores = torch.zeros(len(sources), len(targets), dtype=torch.float64)
    written = [ids[: family.scored(ids).stop] for ids in targets]
    order = sorted(range(len(written)), key=lambda label: written[label])  # so that parts share what they begin with

    @cache
    def parts(size: int) -> list[tuple[torch.Tensor, Tree]]:
        numbers = [order[start : start + size] for start in range(0, len(order), size)]
        return [(torch.tensor(part), label_tree.of([written[label] for label in part])) for part in numbers]

    for batch in _batches(family, sources, written):
        logits, memory = family.read(model, [sources[row] for row in batch])
        room = _room(family, len(sources[batch[0]]), written)
        for part, tree in parts(min(room, len(order))):
            scores[torch.tensor(batch)[:, None], part] = _after(model, family, logits, memory.copy(), tree)
    return scores


def _after(model: Model, family: Family, logits: torch.Tensor, memory: Memory, tree: Tree) -> torch.Tensor:
    """The log-likelihoods of a tree's labels after prompts that were read, which predict ``logits``."""
    prompts, width = range(len(logits)), 1
    scores = torch.zeros(len(prompts), len(tree.first), dtype=torch.float64)
    if family.first is None:  # else each label begins with it
        _add(scores, logits, tree.first)
    for stage in tree.stages:
        memory.take([prompt * width + parent for prompt in prompts for parent in stage.parents])
        width = len(stage.rows)
        ids = torch.tensor(stage.rows).repeat(len(prompts), 1)
        _add(scores, family.read_on(model, memory, ids).flatten(0, 1), stage.predicted)
    return scores


def _add(scores: torch.Tensor, logits: torch.Tensor, predicted: Sequence[Predicted]) -> None:
    """Add the log-probabilities of what is predicted, for each prompt in an equal part of the logits' places."""
    labels, places, tokens = torch.tensor(predicted).T
    offsets = torch.arange(len(scores))[:, None] * (len(logits) // len(scores))
    found = likelihood.log_probabilities(logits, (offsets + places).flatten(), tokens.repeat(len(scores)))
    scores.index_add_(1, labels, found.view(len(scores), -1))


def _batches(family: Family, sources: Rows, targets: Rows) -> list[list[int]]:
    """The numbers of prompts to read at once, longest first: as many as all labels leave room for, but at least one."""

    def fits(first: int, count: int) -> bool:
        return count * len(targets) <= _room(family, len(sources[first]), targets)

    def length(row: int) -> int:
        return -len(sources[row])

    alone = groupby(sorted(range(len(sources)), key=length), key=length)
    groups: list[Sequence[int]] = [range(len(sources))] if family.mixes_lengths else [list(group) for _, group in alone]
    return [batch for group in groups for batch in by_length(group, length, fits)]


def _room(family: Family, length: int, targets: Rows) -> int:
    """How many labels may follow prompts of that length at once, for what a model keeps of both and predicts."""
    longest = max(map(len, targets))
    return max(1, min(MAX_BATCH_TOKENS // (length + longest), MAX_LOGITS // (longest * len(family.tokenizer))))
