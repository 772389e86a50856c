"""Returns token counts instead of texts."""

from harness.method import Method


class AnswersNumbers(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def generate(self, model, prompts):
        return [len(text) for text in super().generate(model, prompts)]
