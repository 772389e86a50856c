"""ShadowPEFT: a small network beside the frozen one (Li et al., 2026, arXiv:2604.19254)."""

from harness.method import Method, Model, Unsupported


class Shadow(Method):
    def build(self, base: Model) -> Model:
        raise Unsupported("PEFT's shadow network is for decoder-only models")
