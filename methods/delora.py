"""DeLoRA: low-rank updates, direction and strength learned apart (Bini et al., ICLR 2025, arXiv:2503.18225)."""

from peft import DeloraConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Delora(PeftMethod):
    learning_rate = 5e-3
    rank = 32
    strength = 15

    def config(self, base: Model) -> PeftConfig:
        return DeloraConfig(
            r=self.rank,
            delora_lambda=self.strength,
            target_modules=targets(base, "query", "value"),
        )
