"""BitFit: all biases and norms; a Llama has no biases, only norms (Ben Zaken et al., ACL 2022, arXiv:2106.10199)."""

from harness.method import Method, Model, parts, train_only


class Bitfit(Method):
    learning_rate = 1e-1

    def build(self, base: Model) -> Model:
        return train_only(base, "bias", *parts(base).modules("norm"))
