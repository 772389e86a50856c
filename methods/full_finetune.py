"""Full fine-tuning: every weight is trained (Raffel et al., 2020, section 3.5.3)."""

from harness.method import Method, Model


class FullFinetune(Method):
    learning_rate = 1.5e-3

    def build(self, base: Model) -> Model:
        return base  # with all weights unfrozen, except those that the model itself holds fixed
