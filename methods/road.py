"""RoAd: trained rotations of pairs of a projection's outputs (Liao and Monz, NeurIPS 2024, arXiv:2409.00119)."""

from peft import PeftConfig, RoadConfig

from harness.method import Model, PeftMethod, targets


class Road(PeftMethod):
    learning_rate = 1e-1
    variant = "road_1"
    group_size = 32

    def config(self, base: Model) -> PeftConfig:
        return RoadConfig(
            variant=self.variant,
            group_size=self.group_size,
            target_modules=targets(base, "query", "value"),
        )
