"""LLaMA-Adapter: gated prompts in the upper attention layers (Zhang et al., 2023, arXiv:2303.16199)."""

from harness.method import Method, Seq2Seq, Unsupported


class AdaptionPrompt(Method):
    def build(self, base: Seq2Seq) -> Seq2Seq:
        raise Unsupported("PEFT's adaption prompts attach to LLaMA, Mistral and GPT-2 only")
