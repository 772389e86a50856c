"""Super-Tuning: the largest entries of each weight are trained (2026, arXiv:2607.09287)."""

from peft import PeftConfig, SupertuningConfig

from harness.method import Model, PeftMethod, targets


class Supertuning(PeftMethod):
    learning_rate = 1e-2
    sparsity = 0.9

    def config(self, base: Model) -> PeftConfig:
        return SupertuningConfig(sparsity=self.sparsity, target_modules=targets(base, "query", "value"))
