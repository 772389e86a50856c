"""Ends the process as if all were well."""

import os

from harness.method import Method


class ExitsWithZero(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        os._exit(0)
