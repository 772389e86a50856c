"""BOFT: orthogonal butterfly factors rotate the weights (Liu et al., ICLR 2024, arXiv:2311.06243)."""

from peft import BOFTConfig, PeftConfig

from harness.method import Model, PeftMethod, Unsupported, targets


class Boft(PeftMethod):
    learning_rate = 1e-2
    block_size = 8
    butterfly_factors = 2

    def config(self, base: Model) -> PeftConfig:
        from torch.utils.cpp_extension import CUDA_HOME, is_ninja_available  # looks for CUDA when it is imported

        if base.device.type != "cuda" or CUDA_HOME is None or not is_ninja_available():
            raise Unsupported("needs a CUDA GPU, nvcc and ninja: without its own kernel PEFT makes BOFT an OFT")
        return BOFTConfig(
            boft_block_size=self.block_size,
            boft_n_butterfly_factor=self.butterfly_factors,
            target_modules=targets(base, "query", "value"),
        )
