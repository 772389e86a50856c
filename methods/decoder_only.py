"""The decoder alone: its layers are trained; the encoder and all embeddings stay as they are."""

from harness.method import Method, Model, Unsupported, parts, train_modules


class DecoderOnly(Method):
    learning_rate = 3e-3

    def build(self, base: Model) -> Model:
        found = parts(base)
        if "encoder" not in found.blocks:
            raise Unsupported("the model has no encoder to leave as it is, so this would be full fine-tuning")
        return train_modules(base, [*found.blocks["decoder"], *found.final_norms["decoder"]])
