"""VeRA: one pair of random matrices for all layers, trained scales (Kopiczko et al., ICLR 2024, arXiv:2310.11454)."""

from peft import PeftConfig, TaskType, VeraConfig

from harness.method import PeftMethod, Seq2Seq


class Vera(PeftMethod):
    learning_rate = 1e-1
    rank = 256

    def config(self, base: Seq2Seq) -> PeftConfig:
        return VeraConfig(task_type=TaskType.SEQ_2_SEQ_LM, r=self.rank, target_modules=["q", "v"])
