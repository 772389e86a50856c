"""Riemannian LoRA: gradients preconditioned by the factors (Zhang and Pilanci, ICML 2024, arXiv:2402.02347)."""

import torch
from peft import LoraConfig, PeftConfig, TaskType
from peft.optimizers import create_riemannian_optimizer

from harness.method import PeftMethod, Seq2Seq


class RiemannianLora(PeftMethod):
    learning_rate = 1e-2
    damping = 1e-2
    rank = 32
    alpha = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM, r=self.rank, lora_alpha=self.alpha, target_modules=["q", "v"]
        )

    def optimizer(self, model: Seq2Seq) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = create_riemannian_optimizer(
            model, torch.optim.AdamW, lr=self.learning_rate, reg=self.damping, weight_decay=self.weight_decay
        )
        return optimizer
