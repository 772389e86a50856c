"""Takes its time to generate."""

import time

from harness.method import Method


class AnswersSlowly(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def generate(self, model, prompts):
        time.sleep(1)
        return super().generate(model, prompts)
