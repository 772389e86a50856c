"""KaSA: LoRA with trained singular values, on a weight without its smallest (Wang et al., 2024, arXiv:2412.06071)."""

from dataclasses import replace
from typing import Any

from peft import KasaConfig, LoraConfig

from harness.method import LoraMethod, Model


class Kasa(LoraMethod):
    learning_rate = 1e-2
    rank = 16
    alpha = 16

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), kasa_config=KasaConfig())

    def build(self, base: Model) -> Model:
        model = super().build(base)
        model.register_forward_hook(_regularise)
        return model


def _regularise(model: Model, _: Any, output: Any) -> Any:
    if model.training:
        output.loss = output.loss + model.base_model._get_kasa_loss()
    return output
