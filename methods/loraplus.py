"""LoRA+: LoRA whose second matrix learns faster than its first (Hayou et al., ICML 2024, arXiv:2402.12354)."""

import torch
from peft.optimizers import create_loraplus_optimizer

from harness.method import LoraMethod, Model


class Loraplus(LoraMethod):
    learning_rate = 2e-3
    ratio = 8.0

    def optimizer(self, model: Model) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = create_loraplus_optimizer(
            model,
            torch.optim.AdamW,
            lr=self.learning_rate,
            loraplus_lr_ratio=self.ratio,
            loraplus_weight_decay=self.weight_decay,
        )
        return optimizer
