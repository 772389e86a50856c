"""LN tuning: only the scales of the layer norms are trained (Zhao et al., 2023, arXiv:2312.11420)."""

from peft import LNTuningConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class LnTuning(PeftMethod):
    learning_rate = 1e-1

    def config(self, base: Model) -> PeftConfig:
        return LNTuningConfig(target_modules=targets(base, "norm"))
