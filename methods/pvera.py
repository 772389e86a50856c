"""PVeRA: VeRA with latent vectors drawn from a learned distribution (Fillioux et al., WACV 2026, arXiv:2512.07703)."""

from peft import PeftConfig, PveraConfig

from harness.method import Model, PeftMethod, targets


class Pvera(PeftMethod):
    learning_rate = 1e-1
    rank = 256

    def config(self, base: Model) -> PeftConfig:
        return PveraConfig(r=self.rank, target_modules=targets(base, "query", "value"))
