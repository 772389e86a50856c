"""Forgets to return the texts."""

from harness.method import Method


class AnswersNothing(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def generate(self, model, prompts):
        super().generate(model, prompts)
