"""P-tuning: virtual input tokens, made by a small trained network (Liu et al., 2021, arXiv:2103.10385)."""

from peft import PeftConfig, PromptEncoderConfig

from harness.method import PeftMethod, Seq2Seq


class PTuning(PeftMethod):
    learning_rate = 1e-2
    virtual_tokens = 20

    def config(self, base: Seq2Seq) -> PeftConfig:
        return PromptEncoderConfig(
            num_virtual_tokens=self.virtual_tokens,
            num_transformer_submodules=1,  # PEFT's default makes a second half that gets no gradient
        )
