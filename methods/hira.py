"""HiRA: low-rank updates multiplied entry by entry with the weight (Huang et al., ICLR 2025, OpenReview TwJrTz9cRS)."""

from peft import HiraConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Hira(PeftMethod):
    learning_rate = 3e-2
    rank = 32

    def config(self, base: Model) -> PeftConfig:
        return HiraConfig(r=self.rank, target_modules=targets(base, "query", "value"))
