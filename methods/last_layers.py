"""Last layers: only the topmost layers of encoder and decoder are trained (Lee et al., 2019, arXiv:1911.03090)."""

from harness.method import Method, Seq2Seq


class LastLayers(Method):
    learning_rate = 5e-3
    layers = 1

    def build(self, base: Seq2Seq) -> Seq2Seq:
        base.requires_grad_(False)
        if self.layers < 1:
            raise ValueError(f"layers = {self.layers}: expected one at least")
        for stack in (base.encoder, base.decoder):
            stack.block[-self.layers :].requires_grad_(True)
            stack.final_layer_norm.requires_grad_(True)
        return base
