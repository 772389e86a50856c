"""Prints without end."""

from harness.method import Method


class PrintsMegabytes(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        for number in range(100_000):
            print(f"step {number}: " + 100 * "x")
        super().train(model, batches)
