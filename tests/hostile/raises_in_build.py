"""Fails before there is a model."""

from harness.method import Method


class RaisesInBuild(Method):
    def build(self, base):
        raise ValueError("rank 0 is no rank")
