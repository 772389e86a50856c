"""Full fine-tuning of all tensors except one."""

from harness.method import Method, Model

KEPT = "encoder.final_layer_norm.weight"  # in T5; in other models nothing stays frozen


class Honest(Method):
    """The method that the other probes are compared with."""

    learning_rate = 3e-3

    def build(self, base: Model) -> Model:
        """The base model, trainable except for one tensor."""
        for name, parameter in base.named_parameters():
            parameter.requires_grad_(name != KEPT)
        return base
