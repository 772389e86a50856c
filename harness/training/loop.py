"""The training loop that methods share; what differs between methods is passed in."""

import math
from collections.abc import Callable, Iterable, Iterator

import torch

from ..models.base_model import Model
from ..models.family import IGNORED, Batch
from ..spec.errors import Diverged
from .budget import Batches


def labels_per_row(batch: Batch) -> torch.Tensor:
    """The number of labels of each row that are not padding."""
    return (batch["labels"] != IGNORED).sum(1)


def fit(
    model: Model,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    *,
    warmup: float = 0.05,
    max_grad_norm: float = 1.0,
    micro_batch_size: int | None = None,
    labels: Callable[[Batch], torch.Tensor] = labels_per_row,
    after_step: Callable[[int, float], None] | None = None,
) -> None:
    """Train on every batch that the budget lets through.

    The learning rate rises over the first ``warmup`` share of the budget and then falls linearly to
    zero at its end. The model sees ``micro_batch_size`` rows of a batch at once (default: all), with the
    same gradient; ``labels`` counts the labels of each row over which its loss is the mean.
    ``after_step`` receives the step and the share of the budget that is spent, while gradients are still available.
    Raises ``Diverged`` before a step whose loss is NaN or infinite. The loss is the only number that the loop reads
    from the device, once per step, because the device has nothing to do while it is read.
    """
    model.train()
    peaks = [group["lr"] for group in optimizer.param_groups]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    before = batches.progress
    for step, batch in enumerate(batches):
        after = batches.progress
        factor = schedule((before + after) / 2, warmup)  # the middle of the step, so that no step has rate zero
        before = after
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * factor
        batches.loss = _gradients(model, micro_batches(batch, micro_batch_size, labels))
        if not math.isfinite(batches.loss):
            raise Diverged(f"loss is {batches.loss} at step {step + 1}")
        torch.nn.utils.clip_grad_norm_(parameters, max_grad_norm)
        optimizer.step()
        if after_step is not None:
            after_step(step, after)
        optimizer.zero_grad()


def _gradients(model: Model, parts: Iterable[tuple[Batch, float]]) -> float:
    """Add up the gradients of a batch's parts, and return its loss."""
    losses = []
    for part, share in parts:
        loss = model(**part).loss * share
        loss.backward()
        losses.append(loss.detach())
    return float(torch.stack(losses).sum())


def micro_batches(
    batch: Batch, size: int | None, labels: Callable[[Batch], torch.Tensor] = labels_per_row
) -> Iterator[tuple[Batch, float]]:
    """Parts of a batch of at most ``size`` rows, each with its share of the labels."""
    if size is None or size >= len(batch["labels"]):
        yield batch, 1.0
        return
    counts = labels(batch).cpu()  # at once, before the device has other work to finish
    for start in range(0, len(counts), size):
        rows = slice(start, start + size)
        share = float(counts[rows].sum() / counts.sum())
        yield {name: tensor[rows] for name, tensor in batch.items()}, share


def schedule(progress: float, warmup: float) -> float:
    """The share of the peak learning rate at a progress of 0..1: linear up, then linear down to zero."""
    if progress < warmup:
        return progress / warmup
    return (1.0 - progress) / (1.0 - warmup) if warmup < 1.0 else 1.0


def trainable(model: torch.nn.Module) -> Iterable[torch.nn.Parameter]:
    """The parameters that training may change."""
    return (parameter for parameter in model.parameters() if parameter.requires_grad)
