"""MonteCLoRA: LoRA weights drawn from a learned distribution (Seth et al., TMLR 2025, arXiv:2411.04358)."""

from dataclasses import replace
from typing import Any

from peft import LoraConfig, MontecloraConfig

from harness.method import Batches, LoraMethod, Model


class Monteclora(LoraMethod):
    learning_rate = 1e-2
    samples = 8

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), monteclora_config=MontecloraConfig(num_samples=self.samples))

    def build(self, base: Model) -> Model:
        model = super().build(base)
        model.register_forward_hook(_regularise)
        return model

    def train(self, model: Model, batches: Batches) -> None:
        model.activation_checkpointing_disable()  # computed again, a layer would draw another sample
        super().train(model, batches)


def _regularise(model: Model, _: Any, output: Any) -> Any:
    if model.training:
        output.loss = output.loss + model.base_model._get_monteclora_loss()
    return output
