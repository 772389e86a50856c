"""Fails with a message that no screen can hold and no file can encode."""

from harness.method import Method


class RaisesMegabytes(Method):
    def build(self, base):
        raise ValueError("too long: " + 5_000_000 * "x" + "\ud800, really")
