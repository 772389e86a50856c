"""Hangs."""

import time

from harness.method import Method


class Sleeps(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        time.sleep(3600)
