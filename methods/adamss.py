"""AdaMSS: singular directions in clusters, each with a small update (Zheng et al., NeurIPS 2025)."""

from peft import AdamssConfig, PeftConfig

from harness.method import Model, PeftMethod, Unsupported, targets


class Adamss(PeftMethod):
    learning_rate = 3e-2
    rank = 100
    subspaces = 5
    subspace_rank = 1

    def config(self, base: Model) -> PeftConfig:
        try:
            return AdamssConfig(
                r=self.rank,
                num_subspaces=self.subspaces,
                subspace_rank=self.subspace_rank,
                target_modules=targets(base, "query", "value"),
            )
        except ImportError as error:  # scikit-learn
            raise Unsupported(str(error)) from error
