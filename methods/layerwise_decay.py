"""Full fine-tuning with slower learning in lower layers (Howard and Ruder, ACL 2018, arXiv:1801.06146)."""

import torch

from harness.method import Method, Model, Parts, parts


class LayerwiseDecay(Method):
    learning_rate = 3e-3
    decay = 0.8

    def build(self, base: Model) -> Model:
        return base

    def optimizer(self, model: Model) -> torch.optim.Optimizer:
        found = parts(model)
        groups = [
            {"params": [parameter], "lr": self.learning_rate * self.decay ** _layers_above(name, found)}
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        ]
        return torch.optim.AdamW(groups, weight_decay=self.weight_decay, fused=True)


def _layers_above(parameter: str, found: Parts) -> int:
    """Embeddings lie below all layers, final norms and the output layer on top."""
    for blocks in found.blocks.values():
        for above, block in enumerate(reversed(blocks)):
            if parameter.startswith(f"{block}."):
                return above
    below = parameter.rpartition(".")[0] in found.inputs
    return max(len(blocks) for blocks in found.blocks.values()) if below else 0
