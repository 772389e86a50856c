"""Moves what build() had frozen."""

import torch

from harness.method import Method


class ChangesFrozenWeights(Method):
    def build(self, base):
        base.requires_grad_(False)
        base.get_input_embeddings().requires_grad_(True)
        return base

    def train(self, model, batches):
        super().train(model, batches)
        with torch.no_grad():
            model.lm_head.weight.add_(1.0)
