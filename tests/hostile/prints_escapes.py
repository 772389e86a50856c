"""Prints and raises what would colour a terminal and go back over its lines."""

from harness.method import Method

RED, BACK = "\x1b[31m", "\x1b[2K\x1b[1A\r\u202e"


class PrintsEscapes(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        print(f"{RED}printed{BACK}")
        raise ValueError(f"{RED}raised{BACK}")
