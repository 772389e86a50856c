"""Few-shot: worked examples in front of every prompt, nothing is trained (Brown et al., 2020, arXiv:2005.14165)."""

from collections.abc import Sequence

from harness.method import UntrainedMethod


class FewShot(UntrainedMethod):
    shots = 2

    def presented(self, prompts: Sequence[str]) -> list[str]:
        examples = self.setting.examples[: self.shots]
        shown = "".join(f"{prompt}{target}\n\n" for prompt, target in examples)
        return [shown + prompt for prompt in prompts]
