"""Leaves threads behind that Python would wait for."""

import threading

from harness.method import Method


class LeaksThreads(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        super().train(model, batches)
        for _ in range(4):
            threading.Thread(target=threading.Event().wait, daemon=False).start()
