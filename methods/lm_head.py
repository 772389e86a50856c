"""Output layer only: the classic linear probe, for a language model."""

from harness.method import Method, Seq2Seq, Unsupported


class LmHead(Method):
    learning_rate = 1e-2

    def build(self, base: Seq2Seq) -> Seq2Seq:
        if base.lm_head.weight is base.get_input_embeddings().weight:
            raise Unsupported("the output layer is tied to the input embedding, so it cannot be trained alone")
        base.requires_grad_(False)
        base.lm_head.requires_grad_(True)
        return base
