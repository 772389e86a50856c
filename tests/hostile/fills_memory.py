"""Allocates until Python has no memory left, under a limited address space."""

import resource

import psutil

from harness.method import Method


class FillsMemory(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        limit = psutil.Process().memory_info().vms + 200_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        blocks = []
        while True:
            blocks.append(bytearray(10_000))
