"""OSF: training orthogonal to each weight's leading singular directions (Nayak et al., 2025, arXiv:2504.07097)."""

from peft import OSFConfig, PeftConfig

from harness.method import Model, PeftMethod, linear_only, targets


class Osf(PeftMethod):
    learning_rate = 3e-3
    kept = 0.5  # share of the rank that stays frozen

    def config(self, base: Model) -> PeftConfig:
        linear_only(base)  # PEFT leaves out other layers without a word
        return OSFConfig(effective_rank=self.kept, target_modules=targets(base, "query", "value"))
