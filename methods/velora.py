"""VeLoRA: LoRA whose stored activations are compressed (Miles et al., NeurIPS 2024, arXiv:2405.17991)."""

from dataclasses import replace

from peft import LoraConfig, VeloraConfig

from harness.method import LoraMethod, Model


class Velora(LoraMethod):
    splits_batches = False  # the projection comes from what the model sees first
    learning_rate = 1e-2
    groups = 32

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), velora_config=VeloraConfig(num_groups=self.groups))
