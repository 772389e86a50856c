"""Multitask prompt tuning, of one task: a prompt times a low-rank matrix (Wang et al., ICLR 2023, arXiv:2303.02861)."""

from collections.abc import Sequence
from typing import Any

import torch
from peft import MultitaskPromptTuningConfig, PeftConfig, TaskType

from harness.method import PeftMethod, Seq2Seq


class MultitaskPromptTuning(PeftMethod):
    learning_rate = 1e-1
    virtual_tokens = 20
    rank = 1

    def config(self, base: Seq2Seq) -> PeftConfig:
        return MultitaskPromptTuningConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            num_virtual_tokens=self.virtual_tokens,
            num_transformer_submodules=1,  # PEFT's default puts half of the prompt into the decoder
            num_tasks=1,
            num_ranks=self.rank,
        )

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return _with_one_task(super().build(base))

    def generate(self, model: Seq2Seq, prompts: Sequence[str]) -> list[str]:
        return super().generate(_with_one_task(model), prompts)


def _with_one_task(model: Seq2Seq) -> Seq2Seq:
    """PEFT wants task ids with every call; there is only task 0."""
    model.prompt_encoder["default"].register_forward_pre_hook(_task_zero)
    return model


def _task_zero(_: torch.nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return inputs[0], torch.zeros_like(inputs[0][:, 0])
