"""Reads memory that is not there."""

import ctypes

from harness.method import Method


class Segfaults(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        ctypes.string_at(0)
