"""Scribbles over the batches that it is given."""

from harness.method import Method


class MutatesBatches(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        optimizer = self.optimizer(model)
        for batch in batches:
            batch["labels"].fill_(5)
            batch["attention_mask"].fill_(1)
            model(**batch).loss.backward()
            batch.clear()
            optimizer.step()
            optimizer.zero_grad()
