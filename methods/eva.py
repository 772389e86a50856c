"""EVA: LoRA that starts as the main directions of the layers' inputs (Paischer et al., 2024, arXiv:2410.07170)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from peft import EvaConfig, LoraConfig, get_eva_state_dict, initialize_lora_eva_weights

from harness.method import Batch, LoraMethod, Seq2Seq


class Eva(LoraMethod):
    learning_rate = 1e-2

    def config(self, base: Seq2Seq) -> LoraConfig:
        eva = EvaConfig(rho=1.0)  # every layer keeps its rank
        return replace(super().config(base), init_lora_weights="eva", eva_config=eva)

    def prepare(self, base: Seq2Seq, batches: Sequence[Batch]) -> None:
        most = max(min(int(_real(batch, side).sum()) for side in (False, True)) for batch in batches)
        if self.rank > most:  # PEFT would pass over every batch and begin again, for ever
            raise ValueError(f"rank = {self.rank}: expected at most {most}, the tokens of a batch; or larger batches")
        self._directions = get_eva_state_dict(
            base,
            batches,
            self.config(base),
            prepare_model_inputs_fn=lambda batch, _: batch,
            prepare_layer_inputs_fn=_without_padding,
            show_progress_bar=False,
        )

    def build(self, base: Seq2Seq) -> Seq2Seq:
        model = self.attach(base, low_cpu_mem_usage=True)
        directions = {f"base_model.model.{name}": value for name, value in self._directions.items()}
        initialize_lora_eva_weights(model, eva_state_dict=directions)
        return model


def _without_padding(inputs: Any, batch: Batch, name: str) -> torch.Tensor:
    """The layer's inputs, one row for each real token; PEFT's own default knows no encoder-decoder."""
    decoder = name.startswith("decoder") and not name.endswith(("EncDecAttention.k", "EncDecAttention.v"))
    vectors: torch.Tensor = inputs[0]
    return vectors[_real(batch, decoder)]


def _real(batch: Batch, decoder: bool) -> torch.Tensor:
    """Where a batch has tokens that are no padding, as the encoder or as the decoder sees it."""
    return batch["labels"] >= 0 if decoder else batch["attention_mask"].bool()
