"""Trains, and then cannot answer."""

from harness.method import Method


class RaisesInGenerate(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def generate(self, model, prompts):
        raise IndexError("no beam left")
