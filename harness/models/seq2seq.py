"""Encoder-decoder models: the encoder reads the prompt, the decoder writes the target."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import torch
from peft import TaskType
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForSeq2SeqLM, Cache, DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from ..spec.errors import SuiteError
from . import learned_prompts, stopping
from .family import IGNORED, Batch, Demand, Encoded, Family, Lengths, Memory

LIKELIHOOD = """\
def likelihood(label):
    target = tokenizer(text_target=label{bare})["input_ids"]{end}
    logits = model(**prompt, labels=prompt["input_ids"].new_tensor([target])).logits[0]
    return logits.float().log_softmax(-1)[range(len(target)), target]{scored}.mean().item()
"""


class Seq2SeqFamily(Family):
    """T5, BART and their kind."""

    name = "seq2seq"
    kind = "encoder-decoder"
    task_type = TaskType.SEQ_2_SEQ_LM
    loader = AutoModelForSeq2SeqLM
    padding_side = "right"
    mixes_lengths = True  # what follows is in the decoder, away from the padding

    @property
    def end(self) -> int | None:
        """The tokenizer's end token, unless it ends targets itself; tokenizers of decoder-only models do not."""
        ends = self.tokenizer.eos_token_id, self.tokenizer.sep_token_id
        after_the_first = self.tokenizer(text_target=".")["input_ids"][1:]  # which may be the same token
        return None if {*ends} & {*after_the_first} else ends[0]

    @property
    def first(self) -> int | None:
        """The language that the tokenizer writes, if targets begin with it; those of mBART end with theirs."""
        around = self._around_target  # for which the tokenizer chooses a language
        if getattr(self.tokenizer, "tgt_lang", None) is None or around[0] == self.tokenizer.eos_token_id:
            return None
        return around[0]

    def prompt_ids(self, prompts: Sequence[str]) -> list[list[int]]:
        """The prompts' tokens, with what the tokenizer adds to any text."""
        ids: list[list[int]] = self.tokenizer(list(prompts), verbose=False)["input_ids"] if prompts else []
        return ids

    def target_ids(self, targets: Sequence[str], longest: int) -> tuple[list[list[int]], float]:
        """The targets' tokens with what the tokenizer adds or, if that is no end token, with one instead of it."""
        end = [] if self.end is None else [self.end]
        read, room = partial(self.tokenizer, add_special_tokens=not end), longest - len(end)
        tokens = read(text_target=list(targets), verbose=False)["input_ids"]
        too_long = [number for number, ids in enumerate(tokens) if len(ids) > room]
        added = len(end or self._around_target)
        if too_long and longest <= added:
            raise SuiteError(
                f"task.max_target_tokens: {longest} leaves no room for a target, because this model adds {added} to "
                f"every text; raise it to at least {added + 1}"
            )
        for number in too_long:
            cut = read(text_target=targets[number], truncation=True, max_length=room)
            tokens[number] = cut["input_ids"]
        return [[*ids, *end] for ids in tokens], len(too_long) / len(targets)

    def scored(self, target: Sequence[int]) -> slice:
        """Not ``first``, with which every answer must begin, nor what the tokenizers of mBART put after the end."""
        ends = {self.tokenizer.eos_token_id, self.tokenizer.sep_token_id}
        after_end = next((place for place, token in enumerate(reversed(target)) if token in ends), 0)
        return slice(0 if self.first is None else 1, len(target) - after_end)

    def shown(self, row: Encoded, prompt: str, target: str) -> tuple[str, str]:
        """What the tokenizer keeps of them: T5's makes one space of line breaks, for instance."""
        source, written = (
            self.tokenizer.decode(ids.tolist(), skip_special_tokens=True) for ids in (row.source, row.target)
        )
        return source, written

    def batch(self, rows: Sequence[Encoded]) -> Batch:
        """Sources as ``input_ids``, targets as ``labels``."""
        return collate(rows, self.pad)

    def orders(self) -> Sequence[Callable[[Lengths], int]]:
        """By source length or by target length."""
        return itemgetter(0), itemgetter(1)

    def padded(self, rows: Sequence[Lengths]) -> int:
        """Sources and targets are padded apart."""
        return len(rows) * (max(source for source, _ in rows) + max(target for _, target in rows))

    def tokens(self, batch: Batch) -> Sequence[torch.Tensor]:
        """The encoder's and the decoder's."""
        return batch["attention_mask"].bool(), batch["labels"] != IGNORED

    def answers(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], **options: Any) -> torch.Tensor:
        """What follows the token that the decoder begins with."""
        inputs = self.tokenizer.pad({"input_ids": list(prompts)}, return_tensors="pt")
        names = ("input_ids", "attention_mask")
        given = {name: inputs[name].to(model.device) for name in names}
        outputs: torch.Tensor = model.generate(**given, **stopping.applied(options, 1))
        return outputs[:, 1:]

    def target_logits(self, model: PreTrainedModel, rows: Sequence[Encoded]) -> torch.Tensor:
        """From the decoder, which reads nothing else."""
        batch = {name: each.to(model.device) for name, each in self.batch(rows).items()}
        found: torch.Tensor = model(**batch, use_cache=False).logits[batch["labels"] != IGNORED]
        return found

    def read(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, Memory]:
        """From the token that the decoder begins with, with the encoder's states; prompts may differ in length."""
        padded = self.tokenizer.pad({"input_ids": list(prompts)}, return_tensors="pt").to(model.device)
        ids, mask = padded["input_ids"], padded["attention_mask"]
        start = ids.new_full((len(ids), 1), model.config.decoder_start_token_id)
        output = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=True)
        states: torch.Tensor = output.encoder_last_hidden_state
        learned = mask.new_ones(len(mask), states.shape[1] - mask.shape[1])  # what a method puts in front
        beside = {"states": states, "attention_mask": torch.cat([learned, mask], dim=1)}
        return output.logits[:, -1], Memory(output.past_key_values, beside)

    def read_on(self, model: PreTrainedModel, memory: Memory, ids: torch.Tensor) -> torch.Tensor:
        """From the decoder alone."""
        output = learned_prompts.inside(model)(
            encoder_outputs=BaseModelOutput(last_hidden_state=memory.beside["states"]),
            attention_mask=memory.beside["attention_mask"],
            decoder_input_ids=ids.to(model.device),
            past_key_values=memory.cache,
            use_cache=True,
        )
        memory.cache = output.past_key_values
        found: torch.Tensor = output.logits
        return found

    def script(self, text: str) -> tuple[str, str]:
        """The output begins with the token that the decoder begins with."""
        return f'tokenizer({text}, return_tensors="pt").to(model.device)', "answer[0, 1:]"

    def likelihood(self) -> str:
        """From the logits, because a loss in few bits would be coarse."""
        ((target,), _), bare = self.target_ids(["."], sys.maxsize), self.end is not None
        start, stop, _ = self.scored(target).indices(len(target))
        inside = f"{start or ''}:{stop - len(target) or ''}"
        return LIKELIHOOD.format(
            bare=", add_special_tokens=False" * bare,
            end=" + [tokenizer.eos_token_id]" * bare,
            scored=f"[{inside}]" if inside != ":" else "",
        )

    def demands(self, model: PreTrainedModel, source: int, target: int) -> Sequence[Demand]:
        """The prompt in the encoder, the answer in the decoder."""
        answer = "task.max_target_tokens and evaluation.max_new_tokens"
        return (
            Demand(model.get_encoder(), "encoder", source, "prompt", "task.max_source_tokens"),
            Demand(model.get_decoder(), "decoder", target, "answer", answer),
        )

    def cache(self, prefix: Cache) -> Cache:
        """Self-attention begins with the prefix, cross-attention with nothing."""
        return EncoderDecoderCache(prefix, DynamicCache())

    @property
    def _around_target(self) -> list[int]:
        """What the tokenizer puts around a target."""
        ids: list[int] = self.tokenizer(text_target="")["input_ids"]
        return ids


def collate(rows: Sequence[Encoded], pad: int) -> Batch:
    """One batch, padded to its longest row; padding is masked out of attention and loss."""
    source = pad_sequence([row.source for row in rows], batch_first=True, padding_value=pad).long()
    lengths = torch.tensor([len(row.source) for row in rows])
    return {
        "input_ids": source,
        "attention_mask": (torch.arange(source.shape[1]) < lengths[:, None]).long(),
        "labels": pad_sequence([row.target for row in rows], batch_first=True, padding_value=IGNORED).long(),
    }
