"""AdaLoRA: LoRA that prunes its least important directions as it trains (Zhang et al., ICLR 2023, arXiv:2303.10512)."""

from peft import AdaLoraConfig, PeftConfig

from harness.method import Model, PeftMethod, targets

STEPS, LAST = 1000, 500  # AdaLoRA counts steps: here thousandths of the budget, whatever its unit; it prunes until LAST


class Adalora(PeftMethod):
    learning_rate = 3e-2
    initial_rank = 48
    rank = 32
    orthogonality = 0.1
    _pruned = False

    def config(self, base: Model) -> PeftConfig:
        if self.rank >= self.initial_rank:
            raise ValueError(f"rank = {self.rank}: expected less than initial_rank = {self.initial_rank}")
        return AdaLoraConfig(
            init_r=self.initial_rank,
            target_r=self.rank,
            lora_alpha=self.rank,
            orth_reg_weight=self.orthogonality,
            total_step=STEPS,
            tinit=STEPS // 10,
            tfinal=STEPS - LAST,
            target_modules=targets(base, "query", "value"),
        )

    def after_step(self, model: Model, step: int, progress: float) -> None:
        last = LAST if step > 0 else LAST - 1  # what is settled needs importances, which come from a step before
        thousandth = STEPS if self._pruned else min(round(progress * STEPS), last)
        model.base_model.update_and_allocate(thousandth)  # LAST settles what is pruned, STEPS keeps it so
        self._pruned = thousandth >= LAST
