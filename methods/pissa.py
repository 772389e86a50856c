"""PiSSA: LoRA that starts as the leading singular triplets (Meng et al., NeurIPS 2024, arXiv:2404.02948)."""

from dataclasses import replace

from peft import LoraConfig

from harness.method import LoraMethod, Model


class Pissa(LoraMethod):
    learning_rate = 3e-3

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), init_lora_weights="pissa")
