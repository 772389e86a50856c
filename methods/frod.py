"""FRoD: sparse rotations of a basis that all weights share (Wan et al., AAAI 2026, arXiv:2512.23485)."""

from peft import FrodConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Frod(PeftMethod):
    learning_rate = 3e-2
    sparse_rate = 0.02

    def config(self, base: Model) -> PeftConfig:
        return FrodConfig(
            sparse_rate=self.sparse_rate,
            progressbar=False,
            target_modules=targets(base, "query", "value"),
        )
