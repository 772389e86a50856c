"""Replaces parts of torch for its own purposes."""

import torch

from harness.method import Method


class PatchesTorch(Method):
    def build(self, base):
        torch.manual_seed = lambda _: None
        torch.nn.functional.dropout = lambda tensor, *_: 0.5 * tensor
        torch.nn.functional.linear = lambda tensor, weight, _=None: 2 * tensor @ weight.T
        torch.set_num_threads(3)
        return base.requires_grad_(True)
