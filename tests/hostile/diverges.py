"""Has a learning rate at which the loss is soon no number."""

from harness.method import Method


class Diverges(Method):
    learning_rate = 1e30

    def build(self, base):
        return base.requires_grad_(True)
