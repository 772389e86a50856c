"""Lily: low-rank updates, one half shared by all layers through a router (Zhong et al., 2024, arXiv:2407.09946)."""

from peft import LilyConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Lily(PeftMethod):
    splits_batches = False  # the router's mean is over all that the model sees at once
    # Beside other prompts, or read once and apart from its labels, a prompt would have another mean than in training.
    answers_together = False
    learning_rate = 1e-2
    rank = 32
    stride = 1
    experts = 2

    def config(self, base: Model) -> PeftConfig:
        return LilyConfig(
            r=self.rank,
            stride_A=self.stride,
            num_B=self.experts,
            target_modules=targets(base, "query", "value"),
        )
