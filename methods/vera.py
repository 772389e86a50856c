"""VeRA: one pair of random matrices for all layers, trained scales (Kopiczko et al., ICLR 2024, arXiv:2310.11454)."""

from peft import PeftConfig, VeraConfig

from harness.method import Model, PeftMethod, targets


class Vera(PeftMethod):
    learning_rate = 1e-1
    rank = 256

    def config(self, base: Model) -> PeftConfig:
        return VeraConfig(r=self.rank, target_modules=targets(base, "query", "value"))
