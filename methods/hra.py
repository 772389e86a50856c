"""HRA: orthogonal updates as chains of Householder reflections (Yuan et al., NeurIPS 2024, arXiv:2405.17484)."""

from peft import HRAConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Hra(PeftMethod):
    learning_rate = 3e-2
    reflections = 8

    def config(self, base: Model) -> PeftConfig:
        return HRAConfig(r=self.reflections, target_modules=targets(base, "query", "value"))
