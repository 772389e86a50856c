"""Asks torch for more memory than the address space holds."""

import resource

import psutil
import torch

from harness.method import Method


class FillsTorchsMemory(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        limit = psutil.Process().memory_info().vms + 200_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        torch.zeros(1_000_000_000)
