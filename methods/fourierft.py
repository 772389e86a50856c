"""FourierFT: updates from a few trained coefficients of their spectrum (Gao et al., ICML 2024, arXiv:2405.03003)."""

from peft import FourierFTConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Fourierft(PeftMethod):
    learning_rate = 3e-2
    frequencies = 1000
    scaling = 150.0

    def config(self, base: Model) -> PeftConfig:
        return FourierFTConfig(
            n_frequency=self.frequencies,
            scaling=self.scaling,
            init_weights=True,  # zeros: PEFT's default starts away from the base model
            target_modules=targets(base, "query", "value"),
        )
