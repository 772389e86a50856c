"""Cross-attention: only what the decoder reads is trained (Gheini et al., EMNLP 2021, arXiv:2104.08771)."""

from harness.method import Method, Seq2Seq, train_only


class CrossAttention(Method):
    learning_rate = 5e-3

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return train_only(base, "EncDecAttention")
