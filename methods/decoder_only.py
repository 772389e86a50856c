"""Decoder only: the decoder's layers are trained; the encoder and all embeddings stay."""

from harness.method import Method, Seq2Seq


class DecoderOnly(Method):
    learning_rate = 3e-3

    def build(self, base: Seq2Seq) -> Seq2Seq:
        base.requires_grad_(False)
        base.decoder.requires_grad_(True)
        base.get_input_embeddings().requires_grad_(False)  # the decoder shares it
        return base
