"""Polytropon with one task: LoRA adapters mixed by a trained router (Ponti et al., EACL 2023, arXiv:2202.13914)."""

from typing import Any

import torch
from peft import PeftConfig, PolyConfig

from harness.method import Model, PeftMethod, targets


class Poly(PeftMethod):
    learning_rate = 3e-2
    rank = 8
    skills = 4

    def config(self, base: Model) -> PeftConfig:
        return PolyConfig(
            r=self.rank,
            n_tasks=1,
            n_skills=self.skills,
            target_modules=targets(base, "query", "value"),
        )

    def patch(self, model: Model) -> None:
        for name, module in model.named_modules():
            if name.endswith("poly_router.default"):
                module.register_forward_pre_hook(_task_zero, with_kwargs=True)


def _task_zero(_: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """PEFT wants a task id for each row, beams included; there is only task 0."""
    rows = kwargs["input_ids"]
    return args, kwargs | {"task_ids": torch.zeros(len(rows), dtype=torch.long, device=rows.device)}
