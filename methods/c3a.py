"""C3A: updates that are block-wise circular convolutions (Chen et al., 2024, arXiv:2407.19342)."""

from peft import C3AConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class C3a(PeftMethod):
    learning_rate = 5e-1
    block_size = 32  # must divide both sides of the weights

    def config(self, base: Model) -> PeftConfig:
        return C3AConfig(
            block_size=self.block_size,
            init_weights=True,  # zeros: PEFT's default starts away from the base model
            target_modules=targets(base, "query", "value"),
        )
