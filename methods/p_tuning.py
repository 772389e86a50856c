"""P-tuning: virtual input tokens, made by a small trained network (Liu et al., 2021, arXiv:2103.10385)."""

from peft import PeftConfig, PromptEncoderConfig

from harness.method import Model, PromptMethod


class PTuning(PromptMethod):
    learning_rate = 1e-2

    def config(self, base: Model) -> PeftConfig:
        return PromptEncoderConfig(**self.shape(base))
