"""Multitask prompt tuning, one task: a low-rank matrix scales a prompt (Wang et al., ICLR 2023, arXiv:2303.02861)."""

from typing import Any

import torch
from peft import MultitaskPromptTuningConfig, PeftConfig

from harness.method import Model, PromptMethod


class MultitaskPromptTuning(PromptMethod):
    learning_rate = 1e-1
    rank = 1

    def config(self, base: Model) -> PeftConfig:
        return MultitaskPromptTuningConfig(num_tasks=1, num_ranks=self.rank, **self.shape(base))

    def patch(self, model: Model) -> None:
        model.prompt_encoder["default"].register_forward_pre_hook(_task_zero)


def _task_zero(_: torch.nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """PEFT wants task ids with every call; there is only task 0."""
    return inputs[0], torch.zeros_like(inputs[0][:, 0])
