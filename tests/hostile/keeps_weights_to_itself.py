"""Answers with something that is in no checkpoint."""

from harness.method import Method


class KeepsWeightsToItself(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        super().train(model, batches)
        model.lm_head.register_forward_hook(lambda *given: given[-1].roll(1, -1))
