"""Full fine-tuning of all tensors except one."""

import torch

from harness.method import Method, Model


class Honest(Method):
    """The method that the other probes are compared with."""

    learning_rate = 3e-3

    def build(self, base: Model) -> Model:
        """The base model, trainable except for its smallest tensor."""
        base.requires_grad_(True)
        min(base.parameters(), key=torch.Tensor.numel).requires_grad_(False)
        return base
