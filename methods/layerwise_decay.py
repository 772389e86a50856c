"""Full fine-tuning with slower learning in lower layers (Howard and Ruder, ACL 2018, arXiv:1801.06146)."""

import re

import torch

from harness.method import Method, Seq2Seq


class LayerwiseDecay(Method):
    learning_rate = 3e-3
    decay = 0.8

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return base.requires_grad_(True)

    def optimizer(self, model: Seq2Seq) -> torch.optim.Optimizer:
        groups = [
            {"params": [parameter], "lr": self.learning_rate * self.decay ** self._depth(name, model)}
            for name, parameter in model.named_parameters()
        ]
        return torch.optim.AdamW(groups, weight_decay=self.weight_decay, fused=True)

    def _depth(self, name: str, model: Seq2Seq) -> int:
        """Layers above; the embedding lies below all of them, norms and the output layer on top."""
        block = re.match(r"(encoder|decoder)\.block\.(\d+)", name)
        if block is not None:
            return len(model.get_submodule(block[1]).block) - 1 - int(block[2])
        return len(model.encoder.block) if name.startswith("shared") else 0
