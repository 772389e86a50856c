"""Lead-3: the first three turns as the summary; no model, a floor."""

from collections.abc import Sequence

from harness.method import Method, Seq2Seq


class Lead3(Method):
    trains = False

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return base.requires_grad_(False)

    def generate(self, model: Seq2Seq, prompts: Sequence[str]) -> list[str]:
        dialogues = map(self.setting.prompt.dialogue, prompts)
        return [" ".join(dialogue.splitlines()[:3]) for dialogue in dialogues]
