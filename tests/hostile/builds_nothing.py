"""Forgets to return the model."""

from harness.method import Method


class BuildsNothing(Method):
    def build(self, base):
        base.requires_grad_(True)
