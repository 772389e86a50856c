"""Hangs, and cannot be asked to stop."""

import signal
import time

from harness.method import Method


class IgnoresSigterm(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(3600)
