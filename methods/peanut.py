"""PEANuT: small networks make each update from the frozen weight (Zhong et al., 2024, arXiv:2410.01870)."""

from peft import PeanutConfig, PeftConfig

from harness.method import Model, PeftMethod, targets


class Peanut(PeftMethod):
    learning_rate = 1e-2
    rank = 32
    depth = 0
    activation = "relu"

    def config(self, base: Model) -> PeftConfig:
        return PeanutConfig(
            r=self.rank,
            depth=self.depth,
            act_fn=self.activation,
            target_modules=targets(base, "query", "value"),
        )
