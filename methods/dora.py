"""DoRA: LoRA for the direction of a weight, its magnitude trained apart (Liu et al., ICML 2024, arXiv:2402.09353)."""

from dataclasses import replace

from peft import LoraConfig

from harness.method import LoraMethod, Model


class Dora(LoraMethod):
    learning_rate = 1e-2

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), use_dora=True)
