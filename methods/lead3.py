"""Lead-3: the first three turns as the summary; no model, an untrained baseline."""

from collections.abc import Sequence

from harness.method import Model, UntrainedMethod


class Lead3(UntrainedMethod):
    def generate(self, model: Model, prompts: Sequence[str]) -> list[str]:
        dialogues = map(self.setting.prompt.dialogue, prompts)
        return [" ".join(dialogue.splitlines()[:3]) for dialogue in dialogues]
