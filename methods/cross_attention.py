"""Cross-attention: only what the decoder reads is trained (Gheini et al., EMNLP 2021, arXiv:2104.08771)."""

from harness.method import Method, Model, Unsupported, parts, train_modules


class CrossAttention(Method):
    learning_rate = 5e-3

    def build(self, base: Model) -> Model:
        cross = parts(base).cross
        if not cross:
            raise Unsupported("the model has no cross-attention")
        return train_modules(base, cross)
