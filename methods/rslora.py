"""rsLoRA: LoRA scaled by the square root of its rank (Kalajdzievski, 2023, arXiv:2312.03732)."""

from peft import LoraConfig, PeftConfig, TaskType

from harness.method import PeftMethod, Seq2Seq


class Rslora(PeftMethod):
    learning_rate = 3e-3
    rank = 32
    alpha = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            r=self.rank,
            lora_alpha=self.alpha,
            use_rslora=True,
            target_modules=["q", "v"],
        )
