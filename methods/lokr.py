"""LoKr: updates as Kronecker products of small matrices (Yeh et al., ICLR 2024, arXiv:2309.14859)."""

from peft import LoKrConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Lokr(PeftMethod):
    learning_rate = 3e-2
    rank = 16
    alpha = 16

    def config(self, base: Model) -> PeftConfig:
        return LoKrConfig(
            r=self.rank,
            alpha=self.alpha,
            target_modules=targets(base, "query", "value"),
        )
