"""Prefix tuning: trained keys and values before every decoder layer (Li and Liang, ACL 2021, arXiv:2101.00190)."""

from peft import PeftConfig, PrefixTuningConfig

from harness.method import Model, PrefixMethod


class PrefixTuning(PrefixMethod):
    learning_rate = 3e-1

    def config(self, base: Model) -> PeftConfig:
        return PrefixTuningConfig(**self.shape(base))
