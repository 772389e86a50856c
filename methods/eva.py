"""EVA: LoRA that starts along the main directions of the layers' inputs (Paischer et al., 2024, arXiv:2410.07170)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import torch
from peft import EvaConfig, LoraConfig, get_eva_state_dict, initialize_lora_eva_weights

from harness.method import Batch, LoraMethod, Model, Parts, Unsupported, parts

MAX_PASSES = 8  # over the batches, in which the directions settle; of equally large ones, PEFT would wait for ever


class Eva(LoraMethod):
    learning_rate = 1e-2

    def config(self, base: Model) -> LoraConfig:
        eva = EvaConfig(rho=1.0)  # every layer keeps its rank
        return replace(super().config(base), init_lora_weights="eva", eva_config=eva)

    def prepare(self, base: Model, batches: Sequence[Batch]) -> None:
        most = max(min(int(side.sum()) for side in self.setting.family.tokens(batch)) for batch in batches)
        if self.rank > most:  # PEFT would pass over every batch and begin again, for ever
            raise ValueError(f"rank = {self.rank}: expected at most {most}, the tokens of a batch; or larger batches")
        config = self.config(base)
        similarity = torch.tensor(config.eva_config.tau)
        self._directions = get_eva_state_dict(
            base,
            _Passes(batches, similarity),
            replace(config, eva_config=replace(config.eva_config, tau=similarity)),
            prepare_model_inputs_fn=lambda batch, _: batch,
            prepare_layer_inputs_fn=partial(self._without_padding, parts(base)),
            show_progress_bar=False,
        )

    def build(self, base: Model) -> Model:
        model = self.attach(base, low_cpu_mem_usage=True)
        directions = {f"base_model.model.{name}": value for name, value in self._directions.items()}
        initialize_lora_eva_weights(model, eva_state_dict=directions)
        return model

    def _without_padding(self, found: Parts, inputs: Any, batch: Batch, name: str) -> torch.Tensor:
        """The layer's inputs, one row for each real token; PEFT's own default knows no encoder-decoder."""
        reading = tuple(f"{block}." for block in next(iter(found.blocks.values())))
        crossing = name in found.cross and not found.roles[name].isdisjoint(("key", "value"))
        vectors: torch.Tensor = inputs[0]
        real = self.setting.family.tokens(batch)[0 if name.startswith(reading) or crossing else -1]
        if vectors.shape[:2] != real.shape:
            raise Unsupported(f"the inputs of {name} are not the tokens of a batch, so its padding cannot be left out")
        return vectors[real]


@dataclass(frozen=True)
class _Passes:
    """The batches again and again; after ``MAX_PASSES``, any similarity to the directions before is enough."""

    batches: Sequence[Batch]
    similarity: torch.Tensor

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for number in count():
            if number == MAX_PASSES:
                self.similarity.fill_(-1)
            yield from self.batches
