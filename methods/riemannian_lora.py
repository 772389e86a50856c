"""Riemannian LoRA: gradients preconditioned by the factors (Zhang and Pilanci, ICML 2024, arXiv:2402.02347)."""

import torch
from peft.optimizers import create_riemannian_optimizer

from harness.method import LoraMethod, Model


class RiemannianLora(LoraMethod):
    learning_rate = 1e-2
    damping = 1e-2

    def optimizer(self, model: Model) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = create_riemannian_optimizer(
            model, torch.optim.AdamW, lr=self.learning_rate, reg=self.damping, weight_decay=self.weight_decay
        )
        return optimizer
