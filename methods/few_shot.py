"""Few-shot: worked examples in front of every prompt, nothing is trained (Brown et al., 2020, arXiv:2005.14165)."""

from collections.abc import Sequence

import torch

from harness.method import Batch, Seq2Seq, UntrainedMethod


class FewShot(UntrainedMethod):
    shots = 2

    def prepare(self, base: Seq2Seq, batches: Sequence[Batch]) -> None:
        batch = batches[0]
        prompts = self._texts(batch["input_ids"], batch["attention_mask"].bool())
        summaries = self._texts(batch["labels"], batch["labels"] >= 0)
        self.examples = "".join(f"{prompt}{text}\n\n" for prompt, text in zip(prompts, summaries, strict=True))

    def generate(self, model: Seq2Seq, prompts: Sequence[str]) -> list[str]:
        return super().generate(model, [self.examples + prompt for prompt in prompts])

    def _texts(self, ids: torch.Tensor, given: torch.Tensor) -> list[str]:
        """The first rows as text, without what pads them."""
        rows = [row[mask] for row, mask in zip(ids[: self.shots], given, strict=False)]
        return list(self.setting.tokenizer.batch_decode(rows, skip_special_tokens=True))
