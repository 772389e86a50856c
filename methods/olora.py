"""OLoRA: LoRA that starts as the leading part of a QR decomposition (Büyükakyüz, 2024, arXiv:2406.01775)."""

from peft import LoraConfig, PeftConfig, TaskType

from harness.method import PeftMethod, Seq2Seq


class Olora(PeftMethod):
    learning_rate = 3e-3
    rank = 32
    alpha = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            r=self.rank,
            lora_alpha=self.alpha,
            init_lora_weights="olora",
            target_modules=["q", "v"],
        )
