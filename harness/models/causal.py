"""Decoder-only models: the prompt and the target are one sequence, of which only the target is learned."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from peft import TaskType
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, Cache, PreTrainedModel, PreTrainedTokenizerBase

from ..spec.conversation import Turn
from ..spec.errors import SuiteError
from ..spec.hashing import digest_json
from ..spec.prompt_format import PromptFormat
from . import learned_prompts, logits, stopping
from .chat import Chat, Conversations
from .family import IGNORED, Batch, Demand, Encoded, Family, Lengths, Memory
from .logits import Places

SAMPLE = "Ann's 2 dogs ran 10 km – at 9:30 a.m., on a «wet» day…\n\tWhere to?"  # a prompt whose tokens are recorded
LIKELIHOOD = """\
def likelihood(label):
    target = tokenizer({label}, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    ids = prompt["input_ids"].new_tensor([prompt["input_ids"][0].tolist() + target])
    logits = model(input_ids=ids).logits[0, -len(target) - 1 : -1]
    return logits.float().log_softmax(-1)[range(len(target)), target].mean().item()
"""


class CausalFamily(Family):
    """GPT-2, Llama and their kind; ``chat`` makes a user's turn of each prompt."""

    name = "causal"
    kind = "decoder-only"
    task_type = TaskType.CAUSAL_LM
    loader = AutoModelForCausalLM
    padding_side = "left"
    mixes_lengths = False  # there would be padding between a prompt and what follows it

    def __init__(self, tokenizer: PreTrainedTokenizerBase, chat: Chat | None = None):
        super().__init__(tokenizer)
        self.chat = chat

    @property
    def end(self) -> int:
        """The token that ends a target."""
        return int(self.tokenizer.eos_token_id)

    @property
    def rendered(self) -> bool:
        """If a chat template has rendered whole conversations; a single prompt is rendered when it is tokenised."""
        return isinstance(self.chat, Conversations)

    @property
    def prompt_format(self) -> PromptFormat:
        """The chat template, and the tokens of a fixed prompt."""
        template = digest_json(self.chat.template) if self.chat else None
        return PromptFormat(chat_template=template, tokens=digest_json(self.prompt_ids([SAMPLE])))

    def prompt_ids(self, prompts: Sequence[str]) -> list[list[int]]:
        """The prompts' tokens without an end token; a chat template brings its own special tokens.

        A plain prompt leaves the spaces at its end to the target.
        """
        if not prompts:
            return []
        texts = self.chat.render(prompts) if self.chat else [prompt.rstrip(" ") for prompt in prompts]
        rows = self.tokenizer(texts, add_special_tokens=self.chat is None, verbose=False)["input_ids"]
        return [row[:-1] if row and row[-1] == self.end and not self.chat else row for row in rows]

    def target_ids(self, targets: Sequence[str], longest: int) -> tuple[list[list[int]], float]:
        """The targets' tokens and the end token."""
        tokens = self.tokenizer(list(targets), add_special_tokens=False, verbose=False)["input_ids"]
        too_long = sum(len(ids) >= longest for ids in tokens)
        if too_long and longest < 2:
            raise SuiteError(
                f"task.max_target_tokens: {longest} leaves no room for a target, because this model adds 1 to every "
                "text; raise it to at least 2"
            )
        return [[*ids[: longest - 1], self.end] for ids in tokens], too_long / len(targets)

    def conversation(self, turns: Sequence[Turn]) -> str:
        """The turns as the chat template renders them, if there is one."""
        return self.chat.conversation(turns) if isinstance(self.chat, Conversations) else super().conversation(turns)

    def trailing_space(self, prompt: str) -> str:
        """Those of a plain prompt: a word is one token with the space before it, and a space alone is rare.

        Without the space that some tokenizers put before every text.
        """
        spaces = "" if self.chat else prompt[len(prompt.rstrip(" ")) :]
        return spaces[1:] if self._adds_space else spaces

    def shown(self, row: Encoded, prompt: str, target: str) -> tuple[str, str]:
        """Both as they are; a target that was cut as far as its tokens go."""
        _, cut = self.target_ids([self.trailing_space(prompt) + target], len(row.target))
        return prompt, self.tokenizer.decode(row.target.tolist(), skip_special_tokens=True).strip() if cut else target

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

    def orders(self) -> Sequence[Callable[[Lengths], int]]:
        """By the length of the whole row."""
        return (sum,)

    def padded(self, rows: Sequence[Lengths]) -> int:
        """Every row is as long as the longest."""
        return len(rows) * max(map(sum, rows))

    def tokens(self, batch: Batch) -> Sequence[torch.Tensor]:
        """Those of whole rows."""
        return (batch["attention_mask"].bool(),)

    def answers(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], **options: Any) -> torch.Tensor:
        """What follows the prompts, which are padded on the left."""
        inputs = self.tokenizer.pad({"input_ids": list(prompts)}, padding_side=self.padding_side, return_tensors="pt")
        ids, mask = (inputs[name].to(model.device) for name in ("input_ids", "attention_mask"))
        if learned := learned_prompts.config_of(model):
            return learned_prompts.answers(model, learned, ids, mask, self.pad, options)
        outputs: torch.Tensor = model.generate(
            input_ids=ids, attention_mask=mask, **stopping.applied(options, ids.shape[1])
        )
        return outputs[:, ids.shape[1] :]

    def target_logits(self, model: PreTrainedModel, rows: Sequence[Encoded]) -> torch.Tensor:
        """From whole rows; each token is predicted at the place before it."""
        batch = self.batch(rows)
        labels = batch.pop("labels")
        row, column = (labels != IGNORED).nonzero(as_tuple=True)
        inputs = {name: each.to(model.device) for name, each in batch.items()}
        found, _ = logits.at(model, Places(row, labels.shape[1] + 1 - column), **inputs, use_cache=False)
        return found

    def read(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, Memory]:
        """From the last token of each, with its keys and values."""
        ids = torch.tensor(prompts, device=model.device)
        last = Places(torch.arange(len(ids)), torch.ones(len(ids), dtype=torch.long))
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        found, output = logits.at(model, last, **inputs, use_cache=True)
        return found, Memory(output.past_key_values)

    def read_on(self, model: PreTrainedModel, memory: Memory, ids: torch.Tensor) -> torch.Tensor:
        """Behind their keys and values; all rows are as long, so that nothing is masked."""
        asked = learned_prompts.inside(model)
        output = asked(input_ids=ids.to(model.device), past_key_values=memory.cache, use_cache=True)
        memory.cache = output.past_key_values
        found: torch.Tensor = output.logits
        return found

    def around(self, before: str, after: str) -> tuple[str, str]:
        """With what the chat template adds."""
        return self.chat.around(before, after) if self.chat else (before, after)

    def script(self, text: str) -> tuple[str, str]:
        """The prompt has no end token, and comes first in the output."""
        read = f'{text}.rstrip(" ")' if self.chat is None else f"{text}, add_special_tokens=False"
        prompt = f'tokenizer({read}, return_tensors="pt").to(model.device)'
        if self.chat is None and self.tokenizer(SAMPLE)["input_ids"][-1] == self.end:
            prompt = f"{{name: ids[:, :-1] for name, ids in {prompt}.items()}}"
        return prompt, 'answer[0, prompt["input_ids"].shape[1] :]'

    def likelihood(self) -> str:
        """From the logits before the label's tokens, which are last and begin with the spaces that end the prompt."""
        start = 'len(asked.rstrip(" "))' + " + 1" * self._adds_space
        return LIKELIHOOD.format(label=f"asked[{start} :] + label" if self.chat is None else "label")

    def demands(self, model: PreTrainedModel, source: int, target: int) -> Sequence[Demand]:
        """The prompt and the answer together."""
        keys = "task.max_source_tokens and task.max_target_tokens or evaluation.max_new_tokens"
        return (Demand(model, "decoder", source + target, "prompt with its answer", f"the sum of {keys}"),)

    def cache(self, prefix: Cache) -> Cache:
        """The prefix itself."""
        return prefix

    @cached_property
    def _adds_space(self) -> bool:
        """Whether the tokenizer puts a space before every text."""
        one, two = self.tokenizer(["a", "a a"], add_special_tokens=False)["input_ids"]
        return bool(two == [*one, *one])
