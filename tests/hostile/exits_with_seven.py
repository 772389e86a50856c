"""Ends the process without a word."""

import os

from harness.method import Method


class ExitsWithSeven(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        os._exit(7)
