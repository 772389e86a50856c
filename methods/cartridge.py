"""Cartridge: a trained key-value cache whose first position stays frozen (Eyuboglu et al., 2025, arXiv:2506.06266)."""

from peft import CartridgeConfig, PeftConfig

from harness.method import Model, PrefixMethod


class Cartridge(PrefixMethod):
    learning_rate = 3e-1
    frozen_tokens = 1

    def config(self, base: Model) -> PeftConfig:
        return CartridgeConfig(num_frozen_tokens=self.frozen_tokens, **self.shape(base))
