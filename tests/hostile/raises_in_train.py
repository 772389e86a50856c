"""Fails in the middle of training."""

from harness.method import Method


class RaisesInTrain(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        next(batches)
        raise KeyError("decoder")
