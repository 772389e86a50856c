"""OLoRA: LoRA that starts as the leading part of a QR decomposition (Büyükakyüz, 2024, arXiv:2406.01775)."""

from dataclasses import replace

from peft import LoraConfig

from harness.method import LoraMethod, Model, linear_only


class Olora(LoraMethod):
    learning_rate = 3e-3

    def config(self, base: Model) -> LoraConfig:
        linear_only(base)  # PEFT takes the weight of another layer as if it were transposed
        return replace(super().config(base), init_lora_weights="olora")
