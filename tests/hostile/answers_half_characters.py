"""Returns strings that are no text: half of a surrogate pair."""

from harness.method import Method


class AnswersHalfCharacters(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def generate(self, model, prompts):
        return ["\ud800" for _ in prompts]
