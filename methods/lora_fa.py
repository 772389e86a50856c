"""LoRA-FA: LoRA whose first matrix stays frozen at random (Zhang et al., 2023, arXiv:2308.03303)."""

import torch
from peft import LoraConfig, PeftConfig, TaskType
from peft.optimizers import create_lorafa_optimizer

from harness.method import PeftMethod, Seq2Seq


class LoraFa(PeftMethod):
    learning_rate = 3e-2
    rank = 32
    alpha = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM, r=self.rank, lora_alpha=self.alpha, target_modules=["q", "v"]
        )

    def build(self, base: Seq2Seq) -> Seq2Seq:
        model = super().build(base)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("lora_B" in name)
        return model

    def optimizer(self, model: Seq2Seq) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = create_lorafa_optimizer(
            model, r=self.rank, lora_alpha=self.alpha, lr=self.learning_rate, weight_decay=self.weight_decay
        )
        return optimizer
