"""Trainable tokens: only the input embeddings of the instruction's own tokens are trained (PEFT, 2025)."""

from peft import PeftConfig, TrainableTokensConfig

from harness.method import PeftMethod, Seq2Seq


class TrainableTokens(PeftMethod):
    learning_rate = 1e-1

    def config(self, base: Seq2Seq) -> PeftConfig:
        instruction = self.setting.prompt.fill("")
        return TrainableTokensConfig(
            target_modules=["encoder.embed_tokens"],  # "shared" would not reach the encoder
            token_indices=sorted(set(self.setting.tokenizer(instruction)["input_ids"])),
        )
