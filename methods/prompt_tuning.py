"""Prompt tuning: a few trained vectors in front of the input (Lester et al., 2021, arXiv:2104.08691)."""

from peft import PeftConfig, PromptTuningConfig

from harness.method import PeftMethod, Seq2Seq


class PromptTuning(PeftMethod):
    learning_rate = 0.1
    virtual_tokens = 20

    def config(self, base: Seq2Seq) -> PeftConfig:
        return PromptTuningConfig(
            num_virtual_tokens=self.virtual_tokens,
            num_transformer_submodules=1,  # PEFT's default makes a second half that gets no gradient
        )
