"""Trains in a loop of its own and does not notice that the weights are no numbers any more."""

import torch

from harness.method import Method


class BreaksWeights(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        for _ in batches:
            with torch.no_grad():
                model.get_input_embeddings().weight.mul_(float("nan"))
