"""BEFT: a trained bias at the value projections (Huang et al., ACL 2026, arXiv:2509.15974)."""

from peft import BeftConfig, PeftConfig

from harness.method import PeftMethod, Seq2Seq, targets


class Beft(PeftMethod):
    learning_rate = 2e-1

    def config(self, base: Seq2Seq) -> PeftConfig:
        return BeftConfig(target_modules=targets(base, "value"))
