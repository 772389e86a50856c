"""Closes what it would print to."""

import os
import sys

from harness.method import Method


class ClosesStdout(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        sys.stdout.close()
        os.closerange(0, 3)
        super().train(model, batches)
