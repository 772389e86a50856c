"""The honest method with worse answers, whichever way a task asks for them."""

from collections.abc import Sequence

from harness.gate.selftest.probes.honest import Honest
from harness.method import Likelihood, Model

GOLDEN = 0.6180339887498949  # the fractional parts of its multiples are spread evenly
NO_LABEL = ""  # wrong wherever a label was right, and right nowhere


class Worse(Honest):
    """Removes the last ``words`` words of a share of the texts, leaves choices out, and finds targets less likely."""

    words = 4
    share = 1.0
    left_out = 0.3  # of the choices
    nats = 0.2  # by which each token of a target is less likely

    def generate(self, model: Model, prompts: Sequence[str]) -> list[str]:
        """The honest method's texts, cut."""
        texts = super().generate(model, prompts)
        return [self._cut(text) if _among(number, self.share) else text for number, text in enumerate(texts)]

    def choose(self, model: Model, prompts: Sequence[str], labels: Sequence[str]) -> list[str]:
        """The honest method's choices, some of them left out."""
        chosen = super().choose(model, prompts, labels)
        return [NO_LABEL if _among(number, self.left_out) else label for number, label in enumerate(chosen)]

    def likelihoods(self, model: Model, prompts: Sequence[str], targets: Sequence[str]) -> list[Likelihood]:
        """The honest method's likelihoods, each lower."""
        found = super().likelihoods(model, prompts, targets)
        return [Likelihood(one.nats + self.nats * one.tokens, one.tokens) for one in found]

    def _cut(self, text: str) -> str:
        return " ".join(text.split()[: -self.words])


def _among(number: int, share: float) -> bool:
    """Whether that answer is among a share of all."""
    return number * GOLDEN % 1 < share
