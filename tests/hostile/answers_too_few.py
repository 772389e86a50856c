"""Loses the last prompt."""

from harness.method import Method


class AnswersTooFew(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def generate(self, model, prompts):
        return super().generate(model, prompts[:-1])
