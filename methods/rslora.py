"""rsLoRA: LoRA divided by the square root of the rank, not by the rank (Kalajdzievski, 2023, arXiv:2312.03732)."""

from dataclasses import replace

from peft import LoraConfig

from harness.method import LoraMethod, Model


class Rslora(LoraMethod):
    learning_rate = 3e-3

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), use_rslora=True)
