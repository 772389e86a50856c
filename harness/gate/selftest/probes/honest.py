"""Full fine-tuning of all tensors but one."""

from harness.method import Method, Seq2Seq

KEPT = "encoder.final_layer_norm.weight"  # T5's; of another model nothing is kept


class Honest(Method):
    """What the others are compared with."""

    learning_rate = 3e-3

    def build(self, base: Seq2Seq) -> Seq2Seq:
        """The base model, trainable but for one tensor."""
        for name, parameter in base.named_parameters():
            parameter.requires_grad_(name != KEPT)
        return base
