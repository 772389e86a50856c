"""Keeps the batches and goes on with them when the budget is spent."""

from harness.method import Method


class IgnoresBudget(Method):
    def build(self, base):
        return base.requires_grad_(True)

    def train(self, model, batches):
        optimizer = self.optimizer(model)
        kept = list(batches)
        for batch in kept + kept:
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
