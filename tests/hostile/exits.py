"""Ends the interpreter in Python's own way."""

import sys

from harness.method import Method


class Exits(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        sys.exit("had enough")
