"""BitFit for T5: its attention biases and the scales of its norms (Ben Zaken et al., ACL 2022, arXiv:2106.10199)."""

from harness.method import Method, Seq2Seq


class Bitfit(Method):
    learning_rate = 1e-1

    def build(self, base: Seq2Seq) -> Seq2Seq:
        for name, parameter in base.named_parameters():
            parameter.requires_grad_("bias" in name or "layer_norm" in name)
        return base
