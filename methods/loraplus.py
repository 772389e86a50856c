"""LoRA+: LoRA whose second matrix learns faster than its first (Hayou et al., ICML 2024, arXiv:2402.12354)."""

import torch
from peft import LoraConfig, PeftConfig, TaskType
from peft.optimizers import create_loraplus_optimizer

from harness.method import PeftMethod, Seq2Seq


class Loraplus(PeftMethod):
    learning_rate = 2e-3
    ratio = 8.0
    rank = 32
    alpha = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM, r=self.rank, lora_alpha=self.alpha, target_modules=["q", "v"]
        )

    def optimizer(self, model: Seq2Seq) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = create_loraplus_optimizer(
            model,
            torch.optim.AdamW,
            lr=self.learning_rate,
            loraplus_lr_ratio=self.ratio,
            loraplus_weight_decay=self.weight_decay,
        )
        return optimizer
