"""RandLoRA: sums of fixed random matrices with trained scales (Albert et al., ICLR 2025, arXiv:2502.00987)."""

from peft import PeftConfig, RandLoraConfig

from harness.method import Model, PeftMethod, targets


class Randlora(PeftMethod):
    learning_rate = 3e-3
    rank = 32
    alpha = 640

    def config(self, base: Model) -> PeftConfig:
        return RandLoraConfig(
            r=self.rank,
            randlora_alpha=self.alpha,
            target_modules=targets(base, "query", "value"),
        )
