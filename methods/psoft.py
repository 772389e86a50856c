"""PSOFT: a trained rotation within each weight's principal subspace (Wu et al., ICLR 2026, arXiv:2505.11235)."""

from peft import PeftConfig, PsoftConfig

from harness.method import Model, PeftMethod, targets


class Psoft(PeftMethod):
    learning_rate = 1e-2
    rank = 32

    def config(self, base: Model) -> PeftConfig:
        return PsoftConfig(
            r=self.rank,
            psoft_alpha=self.rank,  # the principal part as it is
            target_modules=targets(base, "query", "value"),
        )
