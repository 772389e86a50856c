"""Prefix tuning: trained keys and values before every decoder layer (Li and Liang, ACL 2021, arXiv:2101.00190)."""

from collections.abc import Sequence

from peft import PeftConfig, PrefixTuningConfig, TaskType
from transformers import DynamicCache, EncoderDecoderCache

from harness.method import Batches, PeftMethod, Seq2Seq


class PrefixTuning(PeftMethod):
    learning_rate = 3e-1
    virtual_tokens = 20

    def config(self, base: Seq2Seq) -> PeftConfig:
        return PrefixTuningConfig(
            task_type=TaskType.SEQ_2_SEQ_LM,
            num_virtual_tokens=self.virtual_tokens,
            num_layers=base.config.num_decoder_layers,  # PEFT's default counts the encoder's
            token_dim=base.config.num_heads * base.config.d_kv,  # PEFT's default is the width
            num_transformer_submodules=1,
        )

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return _for_decoder(super().build(base))

    def train(self, model: Seq2Seq, batches: Batches) -> None:
        model.activation_checkpointing_disable()  # computed again, a layer would fill the cache twice
        super().train(model, batches)

    def generate(self, model: Seq2Seq, prompts: Sequence[str]) -> list[str]:
        return super().generate(_for_decoder(model), prompts)


def _for_decoder(model: Seq2Seq) -> Seq2Seq:
    """PEFT's own cache for two submodules gives layers the prefixes of others and leaves half of them unused."""

    def cache(rows: int) -> EncoderDecoderCache:
        return EncoderDecoderCache(type(model).get_prompt(model, rows), DynamicCache())

    model.get_prompt = cache
    return model
