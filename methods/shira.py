"""SHiRA: a few random entries of each weight are trained (Bhardwaj et al., NeurIPS 2024, arXiv:2406.13175)."""

from peft import PeftConfig, ShiraConfig

from harness.method import Model, PeftMethod, targets


class Shira(PeftMethod):
    learning_rate = 1e-2
    rank = 8  # as many entries as LoRA of this rank has

    def config(self, base: Model) -> PeftConfig:
        return ShiraConfig(
            r=self.rank,
            random_seed=self.setting.seed,
            target_modules=targets(base, "query", "value"),
        )
