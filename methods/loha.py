"""LoHa: updates as Hadamard products of two low-rank ones (Hyeon-Woo et al., ICLR 2022, arXiv:2108.06098)."""

from peft import LoHaConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Loha(PeftMethod):
    learning_rate = 3e-2
    rank = 16
    alpha = 16

    def config(self, base: Model) -> PeftConfig:
        return LoHaConfig(
            r=self.rank,
            alpha=self.alpha,
            target_modules=targets(base, "query", "value"),
        )
