"""The honest method with one more trainable tensor."""

from harness.gate.selftest.probes.honest import Honest
from harness.method import Model


class Larger(Honest):
    """Also trains the tensor that the honest method leaves frozen."""

    def build(self, base: Model) -> Model:
        """The whole base model, trainable."""
        return base.requires_grad_(True)
