"""Leaves a process behind that has a session of its own and ignores every signal it can."""

import os
import signal
import time

from harness.method import Method


class ForksADaemon(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        super().train(model, batches)
        if child := os.fork():
            os.waitpid(child, 0)
        elif os.fork():
            os._exit(0)
        else:
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            print(f"child {os.getpid()}", flush=True)
            time.sleep(3600)
