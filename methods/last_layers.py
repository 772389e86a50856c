"""Last layers: only the topmost layers of each stack are trained (Lee et al., 2019, arXiv:1911.03090)."""

from harness.method import Method, Model, parts, train_modules


class LastLayers(Method):
    learning_rate = 5e-3
    layers = 1

    def build(self, base: Model) -> Model:
        if self.layers < 1:
            raise ValueError(f"layers = {self.layers}: expected one at least")
        found = parts(base)
        top = [block for blocks in found.blocks.values() for block in blocks[-self.layers :]]
        norms = [norm for final in found.final_norms.values() for norm in final]
        return train_modules(base, [*top, *norms])
