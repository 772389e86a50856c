"""WaveFT: updates given by a few trained wavelet coefficients (Bilican et al., 2025, arXiv:2505.12532)."""

from peft import PeftConfig, WaveFTConfig

from harness.method import Model, PeftMethod, targets


class Waveft(PeftMethod):
    learning_rate = 1e-3
    frequencies = 1000
    scaling = 25.0

    def config(self, base: Model) -> PeftConfig:
        return WaveFTConfig(
            n_frequency=self.frequencies,
            scaling=self.scaling,
            target_modules=targets(base, "query", "value"),
        )
