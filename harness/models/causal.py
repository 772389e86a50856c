"""Decoder-only models: the prompt and the target are one sequence, of which only the target is learned."""

from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftConfig, PeftModel, PeftType, TaskType
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, Cache, PreTrainedModel, PreTrainedTokenizerBase

from ..spec.errors import SuiteError
from ..spec.hashing import digest_json
from ..spec.prompt_format import PromptFormat
from .chat import Chat
from .family import IGNORED, Batch, Encoded, Family, Lengths, Room

SAMPLE = "Ann's 2 dogs ran 10 km – at 9:30 a.m., on a «wet» day…\n\tWhere to?"  # a prompt whose tokens are recorded
CACHED_PREFIX = (PeftType.PREFIX_TUNING, PeftType.CARTRIDGE)  # prompts of keys and values, not of embeddings


class CausalFamily(Family):
    """GPT-2, Llama and their kind; ``chat`` makes a user's turn of each prompt."""

    name = "causal"
    task_type = TaskType.CAUSAL_LM
    loader = AutoModelForCausalLM
    padding_side = "left"

    def __init__(self, tokenizer: PreTrainedTokenizerBase, chat: Chat | None = None):
        super().__init__(tokenizer)
        self.chat = chat

    @property
    def end(self) -> int:
        """The token that ends a target."""
        return int(self.tokenizer.eos_token_id)

    @property
    def prompt_format(self) -> PromptFormat:
        """The chat template, and the tokens of a fixed prompt."""
        template = digest_json(self.chat.template) if self.chat else None
        return PromptFormat(chat_template=template, tokens=digest_json(self.prompt_ids([SAMPLE])))

    def prompt_ids(self, prompts: Sequence[str]) -> list[list[int]]:
        """The prompts' tokens without an end token; a chat template brings its own special tokens."""
        if not prompts:
            return []
        texts = self.chat.render(prompts) if self.chat else list(prompts)
        rows = self.tokenizer(texts, add_special_tokens=self.chat is None, verbose=False)["input_ids"]
        return [row[:-1] if row and row[-1] == self.end and not self.chat else row for row in rows]

    def target_ids(self, targets: Sequence[str], longest: int) -> tuple[list[list[int]], float]:
        """The targets' tokens and the end token."""
        tokens = self.tokenizer(list(targets), add_special_tokens=False, verbose=False)["input_ids"]
        too_long = sum(len(ids) >= longest for ids in tokens)
        if too_long and longest < 2:
            raise SuiteError(
                f"task.max_target_tokens: {longest} leaves no room for a summary, because this model adds 1 to every "
                "text; raise it to at least 2"
            )
        return [[*ids[: longest - 1], self.end] for ids in tokens], too_long / len(targets)

    def batch(self, rows: Sequence[Encoded]) -> Batch:
        """Source and target as one row; the labels are the target's, by position."""
        joined = [torch.cat([row.source, row.target]) for row in rows]
        masked = [torch.cat([torch.full_like(row.source, IGNORED), row.target]) for row in rows]
        lengths = torch.tensor([len(ids) for ids in joined])
        ids = pad_sequence(joined, batch_first=True, padding_value=self.pad).long()
        return {
            "input_ids": ids,
            "attention_mask": (torch.arange(ids.shape[1]) < lengths[:, None]).long(),
            "labels": pad_sequence(masked, batch_first=True, padding_value=IGNORED).long(),
        }

    def orders(self) -> Sequence[Any]:
        """By the length of the whole row."""
        return (sum,)

    def padded(self, rows: Sequence[Lengths]) -> int:
        """Every row is as long as the longest."""
        return len(rows) * max(map(sum, rows))

    def row_tokens(self, batch: Batch) -> torch.Tensor:
        """The tokens of whole rows."""
        return batch["attention_mask"].sum(1)

    def examples(self, batch: Batch) -> list[tuple[str, str]]:
        """Decoded without special tokens; prompts without their chat template."""
        texts = []
        for ids, mask, labels in zip(batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True):
            learned = labels != IGNORED
            source = self.tokenizer.decode(ids[mask.bool() & ~learned], skip_special_tokens=self.chat is None)
            target = self.tokenizer.decode(ids[learned], skip_special_tokens=True)
            texts.append((self.chat.prompt(source) if self.chat else source, target))
        return texts

    def answers(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], **options: Any) -> torch.Tensor:
        """What follows the prompts, which are padded on the left."""
        inputs = self.tokenizer.pad({"input_ids": list(prompts)}, padding_side=self.padding_side, return_tensors="pt")
        ids, mask = (inputs[name].to(model.device) for name in ("input_ids", "attention_mask"))
        learned = _prompt_learning(model)
        if learned is None:
            outputs: torch.Tensor = model.generate(input_ids=ids, attention_mask=mask, **options)
            return outputs[:, ids.shape[1] :]
        if learned.peft_type in CACHED_PREFIX:
            return _after_cached_prefix(model, learned, ids, mask, options)
        return _after_virtual_tokens(model, learned, ids, mask, options)

    def script(self, text: str) -> tuple[str, str]:
        """The prompt has no end token, and comes first in the output."""
        read = f'tokenizer({text}, return_tensors="pt")' if self.chat is None else self.chat.script(text)
        prompt = f"{read}.to(model.device)"
        if self.chat is None and self.tokenizer(SAMPLE)["input_ids"][-1] == self.end:
            prompt = f"{{name: ids[:, :-1] for name, ids in {prompt}.items()}}"
        return prompt, 'answer[0, prompt["input_ids"].shape[1] :]'

    def rooms(self, model: PreTrainedModel, source: int, target: int) -> Sequence[Room]:
        """The prompt and the answer together."""
        keys = "task.max_source_tokens and task.max_target_tokens or evaluation.max_new_tokens"
        return (Room(model, "decoder", source + target, "prompt with its answer", f"the sum of {keys}"),)

    def cache(self, prefix: Cache) -> Cache:
        """The prefix itself."""
        return prefix


def _prompt_learning(model: PreTrainedModel) -> PeftConfig | None:
    """The configuration of a PEFT model that learns a prompt; ``None`` for any other model."""
    config = model.active_peft_config if isinstance(model, PeftModel) else None
    return config if config is not None and config.is_prompt_learning else None


def _after_virtual_tokens(
    model: PeftModel, config: PeftConfig, ids: torch.Tensor, mask: torch.Tensor, options: dict[str, Any]
) -> torch.Tensor:
    """New tokens after prompts with learned embeddings in front.

    PEFT puts these in front of the padding, where positions depend on how long the batch's other prompts are.
    """
    embedded = model.word_embeddings(ids)
    virtual = model.get_prompt(batch_size=len(ids)).to(embedded.dtype)
    padding = (mask == 0).sum(1).tolist()
    rows = [torch.cat([row[:pad], own, row[pad:]]) for row, own, pad in zip(embedded, virtual, padding, strict=True)]
    whole = torch.cat([mask, mask.new_ones(len(mask), config.num_virtual_tokens)], dim=1)
    base = model.get_base_model()
    outputs: torch.Tensor = base.generate(
        inputs_embeds=torch.stack(rows), attention_mask=whole.sort(dim=1).values, **options
    )
    return outputs


def _after_cached_prefix(
    model: PeftModel, config: PeftConfig, ids: torch.Tensor, mask: torch.Tensor, options: dict[str, Any]
) -> torch.Tensor:
    """New tokens after prompts with learned keys and values in front, which stand for as many tokens."""
    prefix = config.num_virtual_tokens
    cached = model.get_prompt(batch_size=len(ids) * options.get("num_beams", 1))
    ids = torch.cat([ids.new_zeros(len(ids), prefix), ids], dim=1)
    whole = torch.cat([mask.new_ones(len(mask), prefix), mask], dim=1)
    base = model.get_base_model()
    outputs: torch.Tensor = base.generate(input_ids=ids, attention_mask=whole, past_key_values=cached, **options)
    return outputs[:, ids.shape[1] :]
