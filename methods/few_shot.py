"""Few-shot: worked examples in front of every prompt, nothing is trained (Brown et al., 2020, arXiv:2005.14165)."""

from collections.abc import Sequence

from harness.method import Batch, Method, Seq2Seq


class FewShot(Method):
    trains = False
    shots = 2

    def prepare(self, base: Seq2Seq, batches: Sequence[Batch]) -> None:
        batch, tokenizer = batches[0], self.setting.tokenizer
        labels = batch["labels"].clamp(min=tokenizer.pad_token_id)
        prompts, summaries = (
            tokenizer.batch_decode(ids[: self.shots], skip_special_tokens=True) for ids in (batch["input_ids"], labels)
        )
        self.examples = "".join(f"{prompt}{text}\n\n" for prompt, text in zip(prompts, summaries, strict=True))

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return base.requires_grad_(False)

    def generate(self, model: Seq2Seq, prompts: Sequence[str]) -> list[str]:
        return super().generate(model, [self.examples + prompt for prompt in prompts])
