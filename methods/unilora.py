"""Uni-LoRA: one trained vector holds every entry of all LoRA matrices (Li et al., NeurIPS 2025, arXiv:2506.00799)."""

from peft import PeftConfig, UniLoraConfig

from harness.method import Model, PeftMethod, targets


class Unilora(PeftMethod):
    learning_rate = 1e-1
    rank = 4
    length = 1024

    def config(self, base: Model) -> PeftConfig:
        return UniLoraConfig(
            r=self.rank,
            theta_d_length=self.length,
            proj_seed=self.setting.seed,
            target_modules=targets(base, "query", "value"),
        )
