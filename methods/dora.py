"""DoRA: LoRA for the direction of a weight, its magnitude trained apart (Liu et al., ICML 2024, arXiv:2402.09353)."""

from peft import LoraConfig, PeftConfig, TaskType

from harness.method import PeftMethod, Seq2Seq


class Dora(PeftMethod):
    learning_rate = 1e-2
    rank = 32
    alpha = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            r=self.rank,
            lora_alpha=self.alpha,
            use_dora=True,
            target_modules=["q", "v"],
        )
