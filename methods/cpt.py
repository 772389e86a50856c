"""CPT: context-aware prompt tuning (Blau et al., 2024, arXiv:2410.17222)."""

from collections.abc import Sequence
from typing import Annotated

import torch
from peft import CPTConfig, PeftConfig
from pydantic import Field

from harness.method import Batch, Model, PeftMethod

SOURCE, LABEL, KINDS = 2, 4, 4  # PEFT's kinds of tokens; those of each further example count on by the number of kinds


class Cpt(PeftMethod):
    families = ("causal",)
    learning_rate = 1e-3
    shots: Annotated[int, Field(ge=1)] = 2
    decay: Annotated[float, Field(gt=0, le=1)] = 0.95  # of the loss, with each example further from the answer
    radius: Annotated[float, Field(gt=0)] = 0.1  # of a token's change, in PEFT's unit

    def prepare(self, base: Model, batches: Sequence[Batch]) -> None:
        self._context = list[tuple[int, int]]()
        for example in range(min(self.shots, len(batches[0]["labels"]))):
            ids, mask, labels = (batches[0][key][example] for key in ("input_ids", "attention_mask", "labels"))
            kinds = (labels >= 0) * (LABEL - SOURCE) + SOURCE + KINDS * example
            self._context += zip(ids[mask.bool()].tolist(), kinds[mask.bool()].tolist(), strict=True)

    def config(self, base: Model) -> PeftConfig:
        tokens, kinds = (list(column) for column in zip(*self._context, strict=True))
        config = CPTConfig(
            task_type=self.setting.family.task_type,
            cpt_token_ids=tokens,
            cpt_mask=[1] * len(tokens),
            cpt_tokens_type_mask=kinds,
            opt_weighted_loss_type="decay",
            opt_loss_decay_factor=self.decay,
            opt_projection_epsilon=self.radius,
            opt_projection_format_epsilon=self.radius,
        )
        config.token_dim = base.get_input_embeddings().embedding_dim  # PEFT's default is the width of the layers
        return config

    def labels_per_row(self, batch: Batch) -> torch.Tensor:
        own = sum(kind % KINDS == 0 for _, kind in self._context)  # which PEFT puts in front of every row
        return super().labels_per_row(batch) + own
