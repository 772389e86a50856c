"""CorDA: LoRA that starts as the part of weights that inputs use most (Yang et al., NeurIPS 2024, arXiv:2406.05223)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from peft import LoraConfig, get_peft_model_state_dict
from peft.tuners.lora.config import CordaConfig
from peft.tuners.lora.corda import preprocess_corda
from safetensors.torch import save_file

from harness.method import Batch, LoraMethod, Model


class Corda(LoraMethod):
    learning_rate = 3e-3

    def config(self, base: Model) -> LoraConfig:
        return replace(super().config(base), init_lora_weights="corda", corda_config=CordaConfig())

    def prepare(self, base: Model, batches: Sequence[Batch]) -> None:
        preprocess_corda(base, self.config(base), run_model=lambda: self._run(base, batches))

    def build(self, base: Model) -> Model:
        model = super().build(base)
        vars(model.peft_config["default"]).update(init_lora_weights=True, corda_config=None)  # as it is saved
        start = {name: tensor.clone() for name, tensor in get_peft_model_state_dict(model).items()}
        model.save_pretrained = partial(_save, model, start)
        return model

    def _run(self, base: Model, batches: Sequence[Batch]) -> None:
        """Rows one by one and without padding: PEFT takes the covariance of whatever a layer sees."""
        for batch in batches:
            sides = self.setting.family.tokens(batch)
            columns = batch["input_ids"], sides[0], batch["labels"], sides[-1]
            for ids, read, labels, learned in zip(*columns, strict=True):
                base(input_ids=ids[None, read], labels=labels[None, learned])


def _save(model: Model, start: dict[str, torch.Tensor], folder: Path) -> None:
    """The start changed the base, so what is saved is the difference: LoRA of twice the rank, by PEFT."""
    with TemporaryDirectory() as initial:
        save_file(start, Path(initial) / "adapter_model.safetensors")
        type(model).save_pretrained(model, folder, path_initial_model_for_weight_conversion=initial)
