"""LoRA-FA: LoRA whose first matrix is random and stays frozen (Zhang et al., 2023, arXiv:2308.03303)."""

import torch
from peft.optimizers import create_lorafa_optimizer

from harness.method import LoraMethod, Model, train_only


class LoraFa(LoraMethod):
    learning_rate = 3e-2

    def build(self, base: Model) -> Model:
        return train_only(super().build(base), "lora_B")

    def optimizer(self, model: Model) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = create_lorafa_optimizer(
            model, r=self.rank, lora_alpha=self.alpha, lr=self.learning_rate, weight_decay=self.weight_decay
        )
        return optimizer
