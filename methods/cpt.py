"""CPT: context-aware prompt tuning (Blau et al., 2024, arXiv:2410.17222)."""

from harness.method import Method, Seq2Seq, Unsupported


class Cpt(Method):
    def build(self, base: Seq2Seq) -> Seq2Seq:
        raise Unsupported("PEFT's CPT is for causal language models only")
