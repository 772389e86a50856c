"""MiCA: LoRA whose frozen half spans the smallest singular directions (Rüdiger and Raschka, 2026, arXiv:2604.01694)."""

from peft import LoraConfig, PeftConfig, TaskType

from harness.method import PeftMethod, Seq2Seq


class Mica(PeftMethod):
    learning_rate = 1e-2
    rank = 32
    alpha = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            r=self.rank,
            lora_alpha=self.alpha,
            init_lora_weights="mica",
            target_modules=["q", "v"],
        )
