"""ShadowPEFT: a small network beside the frozen one corrects each block's input (Li et al., 2026, arXiv:2604.19254)."""

from peft import PeftConfig, ShadowConfig

from harness.method import Model, PeftMethod


class Shadow(PeftMethod):
    families = ("causal",)
    learning_rate = 1e-3
    rank = 8
    strength = 0.1
    dropout = 0.2

    def config(self, base: Model) -> PeftConfig:
        return ShadowConfig(r=self.rank, shadow_alpha=self.strength, shadow_dropout=self.dropout)
