"""GraLoRA: weights cut into blocks, each with its own low-rank update (Jung et al., 2025, arXiv:2505.20355)."""

from peft import GraloraConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Gralora(PeftMethod):
    learning_rate = 1e-2
    rank = 32
    alpha = 32
    blocks = 2

    def config(self, base: Model) -> PeftConfig:
        return GraloraConfig(
            r=self.rank,
            alpha=self.alpha,
            gralora_k=self.blocks,
            target_modules=targets(base, "query", "value"),
        )
