"""BitFit: the biases, and the norms (Ben Zaken et al., ACL 2022, arXiv:2106.10199)."""

from harness.method import Method, Seq2Seq, parts, train_only


class Bitfit(Method):
    learning_rate = 1e-1

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return train_only(base, "bias", *parts(base).modules("norm"))
