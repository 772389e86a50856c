"""OFT: block-diagonal orthogonal matrices rotate the weights (Qiu et al., NeurIPS 2023, arXiv:2306.07280)."""

from peft import OFTConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Oft(PeftMethod):
    learning_rate = 1e-2
    block_size = 32

    def config(self, base: Model) -> PeftConfig:
        return OFTConfig(oft_block_size=self.block_size, target_modules=targets(base, "query", "value"))
