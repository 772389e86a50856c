"""KaSA: LoRA with trained singular values on a weight without its least (Wang et al., 2024, arXiv:2412.06071)."""

from dataclasses import replace
from typing import Any

from peft import KasaConfig, LoraConfig

from harness.method import LoraMethod, Seq2Seq


class Kasa(LoraMethod):
    learning_rate = 1e-2
    rank = 16
    alpha = 16

    def config(self, base: Seq2Seq) -> LoraConfig:
        return replace(super().config(base), kasa_config=KasaConfig())

    def build(self, base: Seq2Seq) -> Seq2Seq:
        model = super().build(base)
        model.register_forward_hook(_regularise)
        return model


def _regularise(model: Seq2Seq, _: Any, output: Any) -> Any:
    if model.training:
        output.loss = output.loss + model.base_model._get_kasa_loss()
    return output
