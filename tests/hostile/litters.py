"""Writes to its working directory, under names that the harness might use itself."""

from pathlib import Path

from harness.method import Method


class Litters(Method):
    learning_rate = 1e-2

    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        for name in ("answer.json", "output.log", "usage-error.txt", "before.safetensors"):
            Path(name).write_text("{}")
        Path("checkpoint").mkdir()
        Path("checkpoint", "step-1.safetensors").write_bytes(bytes(1_000_000))
        super().train(model, batches)
