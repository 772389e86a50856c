"""Returns a model without anything to train."""

from harness.method import Method


class BuildsFrozen(Method):
    def build(self, base):
        return base.requires_grad_(False)
