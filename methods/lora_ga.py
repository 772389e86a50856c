"""LoRA-GA: LoRA that starts along the gradient of full fine-tuning (Wang et al., NeurIPS 2024, arXiv:2407.05000)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from peft import LoraConfig, LoraGAConfig, get_peft_model_state_dict
from safetensors.torch import save_file

from harness.method import Batch, LoraMethod, Model, targets, unfreeze


class LoraGa(LoraMethod):
    learning_rate = 1e-2
    rank = 16
    alpha = 16

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), init_lora_weights="lora_ga", lora_ga_config=LoraGAConfig())

    def prepare(self, base: Model, batches: Sequence[Batch]) -> None:
        ends = tuple(f".{end}" for end in targets(base, *self.target_modules))
        modules = [module for name, module in base.named_modules() if f".{name}".endswith(ends)]
        frozen = [module.weight for module in modules if not module.weight.requires_grad]  # unless it is float32
        unfreeze(frozen)
        for batch in batches:
            base(**batch).loss.backward()
        for module in modules:
            module._peft_loraga_grad = module.weight.grad / len(batches)  # where PEFT's start looks for it
        base.zero_grad()
        for weight in frozen:
            weight.requires_grad_(False)

    def build(self, base: Model) -> Model:
        model = super().build(base)
        vars(model.peft_config["default"]).update(init_lora_weights=True, lora_ga_config=None)  # as it is saved
        start = {name: tensor.clone() for name, tensor in get_peft_model_state_dict(model).items()}
        model.save_pretrained = partial(_save, model, start)
        return model


def _save(model: Model, start: dict[str, torch.Tensor], folder: Path) -> None:
    """The start changed the base, so what is saved is the difference: LoRA of twice the rank, by PEFT."""
    with TemporaryDirectory() as initial:
        save_file(start, Path(initial) / "adapter_model.safetensors")
        type(model).save_pretrained(model, folder, path_initial_model_for_weight_conversion=initial)
