"""VB-LoRA: LoRA matrices composed of vectors from one bank (Li et al., NeurIPS 2024, arXiv:2405.15179)."""

from peft import PeftConfig, VBLoRAConfig

from harness.method import Model, PeftMethod, targets


class Vblora(PeftMethod):
    learning_rate = 3e-2
    rank = 4
    vectors = 64
    vector_length = 32  # must divide both sides of the weights

    def config(self, base: Model) -> PeftConfig:
        return VBLoRAConfig(
            r=self.rank,
            num_vectors=self.vectors,
            vector_length=self.vector_length,
            target_modules=targets(base, "query", "value"),
        )
