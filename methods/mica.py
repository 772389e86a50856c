"""MiCA: LoRA whose frozen half spans the smallest singular directions (Rüdiger and Raschka, 2026, arXiv:2604.01694)."""

from dataclasses import replace

from peft import LoraConfig

from harness.method import LoraMethod, Model


class Mica(LoraMethod):
    learning_rate = 1e-2

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), init_lora_weights="mica")
