"""BEFT: a trained bias at the value projections (Huang et al., ACL 2026, arXiv:2509.15974)."""

from peft import BeftConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Beft(PeftMethod):
    learning_rate = 2e-1

    def config(self, base: Model) -> PeftConfig:
        return BeftConfig(target_modules=targets(base, "value"))
