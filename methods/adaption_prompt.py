"""LLaMA-Adapter: gated prompts in the upper attention layers (Zhang et al., 2023, arXiv:2303.16199)."""

from typing import Annotated

from peft import AdaptionPromptConfig, PeftConfig
from peft.tuners.adaption_prompt.config import TRANSFORMERS_MODEL_CONFIG
from pydantic import Field

from harness.method import Model, PeftMethod, Unsupported, parts


class AdaptionPrompt(PeftMethod):
    families = ("causal",)
    learning_rate = 1e-2
    virtual_tokens = 10
    share: Annotated[float, Field(gt=0, le=1)] = 30 / 32  # of the layers, from the top

    def config(self, base: Model) -> PeftConfig:
        found = parts(base)
        if found.architecture not in TRANSFORMERS_MODEL_CONFIG:
            raise Unsupported("PEFT's adaption prompts attach to LLaMA, Mistral and GPT-2 only")
        layers = round(self.share * len(found.blocks["decoder"]))
        return AdaptionPromptConfig(adapter_len=self.virtual_tokens, adapter_layers=max(layers, 1))
