"""VeLoRA: LoRA whose stored activations are compressed (Miles et al., NeurIPS 2024, arXiv:2405.17991)."""

from peft import LoraConfig, PeftConfig, TaskType, VeloraConfig

from harness.method import PeftMethod, Seq2Seq


class Velora(PeftMethod):
    learning_rate = 1e-2
    rank = 32
    alpha = 32
    groups = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            r=self.rank,
            lora_alpha=self.alpha,
            velora_config=VeloraConfig(num_groups=self.groups),
            target_modules=["q", "v"],
        )
