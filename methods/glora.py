"""GLoRA: low-rank scale and shift of each weight, and trained biases (Chavan et al., 2023, arXiv:2306.07967)."""

from peft import GloraConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Glora(PeftMethod):
    learning_rate = 1e-2
    rank = 16

    def config(self, base: Model) -> PeftConfig:
        return GloraConfig(r=self.rank, target_modules=targets(base, "query", "value"))
