"""Prompt tuning: a few trained vectors in front of the input (Lester et al., 2021, arXiv:2104.08691)."""

from peft import PeftConfig, PromptTuningConfig

from harness.method import Model, PromptMethod


class PromptTuning(PromptMethod):
    learning_rate = 0.1

    def config(self, base: Model) -> PeftConfig:
        return PromptTuningConfig(**self.shape(base))
