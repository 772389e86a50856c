"""PiSSA: LoRA that starts as the leading singular triplets (Meng et al., NeurIPS 2024, arXiv:2404.02948)."""

from peft import LoraConfig, PeftConfig, TaskType

from harness.method import PeftMethod, Seq2Seq


class Pissa(PeftMethod):
    learning_rate = 3e-3
    rank = 32
    alpha = 32

    def config(self, base: Seq2Seq) -> PeftConfig:
        return LoraConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            r=self.rank,
            lora_alpha=self.alpha,
            init_lora_weights="pissa",
            target_modules=["q", "v"],
        )
