"""Few-shot: worked examples in front of every prompt, nothing is trained (Brown et al., 2020, arXiv:2005.14165)."""

from collections.abc import Sequence

from harness.method import Batch, Model, UntrainedMethod


class FewShot(UntrainedMethod):
    shots = 2

    def prepare(self, base: Model, batches: Sequence[Batch]) -> None:
        pairs = self.setting.family.examples(batches[0])[: self.shots]
        self.examples = "".join(f"{prompt}{text}\n\n" for prompt, text in pairs)

    def generate(self, model: Model, prompts: Sequence[str]) -> list[str]:
        return super().generate(model, [self.examples + prompt for prompt in prompts])
