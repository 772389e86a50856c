"""The script that answers a text with a kept model, transformers and PEFT alone: shown in the card, and executed."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..models.family import Family
from ..spec import precision
from ..spec.suite import ModelTable
from ..tasks.prompt import Prompt

QUANTIZED = "BitsAndBytesConfig"  # transformers' class for quantised weights
IMPORTS = """\
from {library} import {loader}
from transformers import {helpers}
"""
# The settings replace those of an adapter's base, which would otherwise fill in what they leave open.
LOADING = """\
tokenizer, settings = AutoTokenizer.from_pretrained(folder), GenerationConfig.from_pretrained(folder)
model = {loader}.from_pretrained(folder, generation_config=settings, {precision})
"""
ASKING = """\
asked = {text}
prompt = {prompt}
answer = model.generate(**prompt)
"""
CHOOSING = """\
asked = {text}
labels = {labels}
prompt = {prompt}
{likelihood}
answer = max(labels, key=likelihood)
"""
ANSWER = "tokenizer.decode({tokens}, skip_special_tokens=True).strip()"
ENDED = "re.split({stops}, tokenizer.decode({tokens}, skip_special_tokens=True).lstrip(), maxsplit=1)[0].strip()"


@dataclass(frozen=True)
class Script:
    """Lines of Python: ``loading`` is about ``folder``, ``asking`` about ``text``; ``answer`` is an expression."""

    library: str  # that has the class of the model
    imports: str
    loading: str
    asking: str
    answer: str

    def shown(self, folder: str, text: str) -> str:
        """The whole script, which prints the answer of the model in that folder to that text."""
        inputs = f"folder, text = {_quoted(folder)}, {_quoted(text)}\n"
        return f"{self.imports}\n{inputs}{self.loading}{self.asking}print({self.answer})\n"

    def answers(self, folder: Path, texts: Iterable[str], device: torch.device) -> list[str]:
        """What the script prints for each of these texts, with the model in that folder on that device."""
        names: dict[str, Any] = {"folder": str(folder)}
        exec(self.imports + self.loading, names)
        names["model"].to(device)
        return [self._answer(text, names) for text in texts]

    def _answer(self, text: str, names: dict[str, Any]) -> str:
        names["text"] = text
        exec(self.asking, names)
        answer: str = eval(self.answer, names)
        return answer


def script_of(
    loader: str,
    prompt: Prompt,
    family: Family,
    base: ModelTable,
    labels: Sequence[str] = (),
    stop: Sequence[str] = (),
) -> Script:
    """The script for a model that this class of transformers or PEFT loads, asked as in training.

    It has the precision of ``base``, the base model, and chooses among ``labels`` if there are any. An answer ends
    before the first of the ``stop`` texts.
    """
    before, after = map(_quoted, family.around(prompt.before, prompt.after))
    text = f"{before} + text + {after}"
    asked, tokens = family.script("asked")
    library, arguments = "peft" if "Peft" in loader else "transformers", precision.arguments(base)
    helpers = ["AutoTokenizer", *[QUANTIZED] * (QUANTIZED in arguments), "GenerationConfig"]
    return Script(
        library=library,
        imports="import re\n\n" * bool(stop)
        + IMPORTS.format(library=library, loader=loader, helpers=", ".join(helpers)),
        loading=LOADING.format(loader=loader, precision=arguments),
        asking=_choosing(text, asked, labels, family, prompt) if labels else ASKING.format(text=text, prompt=asked),
        answer="answer" if labels else _text(tokens, stop),
    )


def _choosing(text: str, asked: str, labels: Sequence[str], family: Family, prompt: Prompt) -> str:
    """Lines that set ``answer`` to the likeliest label after a prompt."""
    likelihood = family.likelihood(family.trailing_space(prompt.fill("text")))
    return CHOOSING.format(
        text=text, labels=f"[{', '.join(map(_quoted, labels))}]", prompt=asked, likelihood=likelihood
    )


def _text(tokens: str, stop: Sequence[str]) -> str:
    """An expression for the text of these tokens, up to where it ends."""
    stops = _quoted("|".join(map(re.escape, stop)))
    return ENDED.format(tokens=tokens, stops=stops) if stop else ANSWER.format(tokens=tokens)


def _quoted(text: str) -> str:
    """The text as Python writes it."""
    return json.dumps(text, ensure_ascii=False)
