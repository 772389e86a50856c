"""TinyLoRA: a few trained numbers per weight, spread by fixed projections (Morris et al., 2026, arXiv:2602.04118)."""

from peft import PeftConfig, TinyLoraConfig

from harness.method import Model, PeftMethod, targets


class Tinylora(PeftMethod):
    learning_rate = 3e-2
    rank = 2
    numbers = 64

    def config(self, base: Model) -> PeftConfig:
        return TinyLoraConfig(
            r=self.rank,
            u=self.numbers,
            target_modules=targets(base, "query", "value"),
        )
