"""Random turns: three turns of the dialogue, drawn by chance, as the summary; no model, a lower bound."""

from collections.abc import Sequence
from random import Random

from harness.method import Model, UntrainedMethod


class RandomSentences(UntrainedMethod):
    turns = 3

    def generate(self, model: Model, prompts: Sequence[str]) -> list[str]:
        return [self._draw(self.setting.prompt.dialogue(prompt).splitlines()) for prompt in prompts]

    def _draw(self, turns: Sequence[str]) -> str:
        rng = Random(f"{self.setting.seed} {turns}")
        return " ".join(turns[i] for i in sorted(rng.sample(range(len(turns)), min(self.turns, len(turns)))))
