"""The honest method with summaries that lose their last words."""

from collections.abc import Sequence

from harness.gate.selftest.probes.honest import Honest
from harness.method import Model

GOLDEN = 0.6180339887498949  # the fractional parts of its multiples are spread evenly


class Shorter(Honest):
    """Removes the last ``words`` words of a share of the summaries."""

    words = 4
    share = 1.0

    def generate(self, model: Model, prompts: Sequence[str]) -> list[str]:
        """The honest method's texts, cut."""
        texts = super().generate(model, prompts)
        return [self._cut(text) if number * GOLDEN % 1 < self.share else text for number, text in enumerate(texts)]

    def _cut(self, text: str) -> str:
        return " ".join(text.split()[: -self.words])
