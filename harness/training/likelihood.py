"""How likely a model finds given texts, computed only where it predicts them."""

import sys
from collections.abc import Iterable, Sequence

import torch

from ..models import positions
from ..models.base_model import Model
from ..models.batching import by_length
from ..models.family import Encoded, Family
from ..spec.metric import Likelihood

MAX_BATCH_TOKENS = 8192  # of sources and targets in a batch, padding included
MAX_LOGITS = 2**26  # computed at once: a vocabulary for each token of a batch's targets
NORMALISED_LOGITS = 2**22  # of them that have a copy in float32 at once


def likelihoods(
    model: Model, family: Family, prompts: Sequence[str], targets: Sequence[str], *, together: bool = True
) -> list[Likelihood]:
    """How likely each target is after its prompt, with its end token, in float32: no target is cut.

    A token with which every answer must begin, such as that of its language, does not count.
    Prompts and targets are read as in training, with what a PEFT method puts in front of them. Without ``together``,
    each row is alone in its batch. Raises ``Unsupported`` if the model has too few positions for a prompt and its
    target.
    """
    if not prompts:
        return []
    rows = _encoded(family, prompts, targets)
    positions.require(family, model, (max(len(row.source) for row in rows), max(len(row.target) for row in rows)))
    found = sums(model, family, rows, together=together)
    counts = counted(family, [row.target.tolist() for row in rows])
    return [Likelihood(-total, count) for total, count in zip(found, counts, strict=True)]


def counted(family: Family, targets: Iterable[Sequence[int]]) -> list[int]:
    """How many tokens of each target count."""
    return [len(ids[family.scored(ids)]) for ids in targets]


def sums(model: Model, family: Family, rows: Sequence[Encoded], *, together: bool = True) -> list[float]:
    """The log-probability of each row's target: the sum over those of its tokens that count."""
    totals = [0.0] * len(rows)
    model.eval()
    with torch.no_grad():
        for batch in _batches(family, rows) if together else [[row] for row in range(len(rows))]:
            logits = family.target_logits(model, [rows[row] for row in batch])
            tokens = torch.cat([rows[row].target for row in batch])
            found = log_probabilities(logits, torch.arange(len(tokens)), tokens)
            for row, each in zip(batch, torch.split(found, [len(rows[row].target) for row in batch]), strict=True):
                totals[row] = float(each[family.scored(rows[row].target.tolist())].sum())
    return totals


def log_probabilities(logits: torch.Tensor, places: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """The log-probabilities of tokens at places of logits, whose shape is (places, vocabulary).

    Computed in float32; returned in float64 on the CPU, where sums of them lose nothing.
    """
    size = max(1, NORMALISED_LOGITS // logits.shape[-1])
    norms = torch.cat([part.float().logsumexp(-1) for part in torch.split(logits, size)])
    places, tokens = places.to(logits.device), tokens.long().to(logits.device)
    return (logits[places, tokens].float() - norms[places]).cpu().double()


def _batches(family: Family, rows: Sequence[Encoded]) -> list[list[int]]:
    """The numbers of the rows in batches of similar length, longest first, each within what may be computed at once."""
    longest, vocabulary = max(len(row.target) for row in rows), len(family.tokenizer)

    def fits(first: int, count: int) -> bool:
        tokens = sum(rows[first].lengths) * count
        return tokens <= MAX_BATCH_TOKENS and longest * vocabulary * count <= MAX_LOGITS

    return by_length(range(len(rows)), lambda row: -sum(rows[row].lengths), fits)


def _encoded(family: Family, prompts: Sequence[str], targets: Sequence[str]) -> list[Encoded]:
    """Rows as training has them, but with whole targets."""
    sources = family.prompt_ids(prompts)
    texts = [family.trailing_space(prompt) + target for prompt, target in zip(prompts, targets, strict=True)]
    written, _ = family.target_ids(texts, sys.maxsize)
    return [encoded(*pair) for pair in zip(sources, written, strict=True)]


def encoded(source: Sequence[int], target: Sequence[int]) -> Encoded:
    """A row of these tokens."""
    return Encoded(*(torch.tensor(ids, dtype=torch.int32) for ids in (source, target)))
