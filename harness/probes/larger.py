"""The honest method with one more trainable tensor."""

from harness.method import Seq2Seq
from harness.probes.honest import Honest


class Larger(Honest):
    """Trains what the honest one leaves alone, too."""

    def build(self, base: Seq2Seq) -> Seq2Seq:
        """The whole base model, trainable."""
        return base.requires_grad_(True)
