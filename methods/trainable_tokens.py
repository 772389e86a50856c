"""Trainable tokens: only the input embeddings of the instruction's own tokens are trained (PEFT, 2025)."""

from peft import PeftConfig, TrainableTokensConfig

from harness.method import Model, PeftMethod, Unsupported, parts


class TrainableTokens(PeftMethod):
    learning_rate = 1e-1

    def config(self, base: Model) -> PeftConfig:
        instruction = self.setting.prompt.fill("")
        embeddings = parts(base).token_embeddings
        embedding = embeddings.get("encoder", embeddings["decoder"])  # which reads the instruction
        tied_to_another = f"{embedding}.weight" in (base._tied_weights_keys or {})
        if tied_to_another and base.get_input_embeddings() is base.get_submodule(embedding):
            raise Unsupported("PEFT cannot train tokens of an input embedding whose weight is another module's")
        return TrainableTokensConfig(
            target_modules=[embedding],
            token_indices=sorted({*self.setting.family.prompt_ids([instruction])[0]}),
        )
