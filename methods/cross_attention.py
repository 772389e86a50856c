"""Cross-attention: only what the decoder reads is trained (Gheini et al., EMNLP 2021, arXiv:2104.08771)."""

from harness.method import Method, Seq2Seq


class CrossAttention(Method):
    learning_rate = 5e-3

    def build(self, base: Seq2Seq) -> Seq2Seq:
        for name, parameter in base.named_parameters():
            parameter.requires_grad_("EncDecAttention" in name)
        return base
