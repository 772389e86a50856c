"""Full fine-tuning: every weight is trained (Raffel et al., 2020, section 3.5.3)."""

from harness.method import Method, Seq2Seq


class FullFinetune(Method):
    learning_rate = 1.5e-3

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return base  # with all weights unfrozen, except those that the model itself holds fixed
