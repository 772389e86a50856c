"""(IA)3: trained vectors rescale keys, values and inner activations (Liu et al., NeurIPS 2022, arXiv:2205.05638)."""

from peft import IA3Config, PeftConfig

from harness.method import Model, PeftMethod, targets


class Ia3(PeftMethod):
    learning_rate = 1e-1

    def config(self, base: Model) -> PeftConfig:
        attention, inner = targets(base, "key", "value"), targets(base, "ff_out")
        return IA3Config(target_modules=[*attention, *inner], feedforward_modules=inner)
