"""MiSS: one small matrix per weight, repeated over its shards (Kang and Yin, 2024, arXiv:2409.15371)."""

from peft import MissConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Miss(PeftMethod):
    learning_rate = 5e-3
    rank = 32

    def config(self, base: Model) -> PeftConfig:
        return MissConfig(r=self.rank, target_modules=targets(base, "query", "value"))
