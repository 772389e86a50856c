"""DEFT: a subspace is projected out of each weight and filled anew (Kumar et al., NeurIPS 2025)."""

from peft import DeftConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Deft(PeftMethod):
    learning_rate = 1e-2
    rank = 32

    def config(self, base: Model) -> PeftConfig:
        return DeftConfig(r=self.rank, target_modules=targets(base, "query", "value"))
