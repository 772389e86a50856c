"""X-LoRA: a router over LoRA adapters that were trained before (Buehler and Buehler, 2024, arXiv:2402.07148)."""

from harness.method import Method, Model, Unsupported


class Xlora(Method):
    def build(self, base: Model) -> Model:
        raise Unsupported("mixes adapters that were trained before, and a run starts from none")
