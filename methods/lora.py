"""LoRA: low-rank updates beside the query and value projections (Hu et al., 2021, arXiv:2106.09685)."""

from typing import Annotated

from peft import LoraConfig, PeftConfig, TaskType
from pydantic import Field

from harness.method import PeftMethod, Seq2Seq


class Lora(PeftMethod):
    learning_rate = 4e-3
    rank = 32
    alpha = 32
    dropout = 0.05
    target_modules: Annotated[list[str], Field(min_length=1)] = ["q", "v"]

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=self.target_modules,
        )
