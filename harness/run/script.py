"""The script that answers a text with a kept model, transformers and PEFT alone: shown in the card, and executed."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..models import precision
from ..models.family import Family
from ..spec.precision import arguments
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

    def gives(self, folder: Path, answers: Iterable[tuple[str, str]], device: torch.device) -> list[bool]:
        """Whether the script prints these answers to these texts, with the model in that folder on that device.

        A label that is as likely as the one that it prints, but for rounding, counts as printed.
        """
        names: dict[str, Any] = {"folder": str(folder)}
        exec(self.imports + self.loading, names)
        names["model"].to(device)
        return [self._gives(answer, names | {"text": text}) for text, answer in answers]

    def _gives(self, answer: str, names: dict[str, Any]) -> bool:
        exec(self.asking, names)
        printed, likelihood = eval(self.answer, names), names.get("likelihood")
        if printed == answer or likelihood is None or answer not in names["labels"]:
            return bool(printed == answer)
        lost: float = likelihood(printed) - likelihood(answer)
        return lost <= precision.noise(names["model"])


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
    text = f"{before} + {_given(prompt, family)} + {after}"
    asked, tokens = family.script("asked")
    library, held = "peft" if "Peft" in loader else "transformers", arguments(base)
    helpers = ["AutoTokenizer", *[QUANTIZED] * (QUANTIZED in held), "GenerationConfig"]
    return Script(
        library=library,
        imports="import re\n\n" * bool(stop)
        + IMPORTS.format(library=library, loader=loader, helpers=", ".join(helpers)),
        loading=LOADING.format(loader=loader, precision=held),
        asking=_choosing(text, asked, labels, family) if labels else ASKING.format(text=text, prompt=asked),
        answer="answer" if labels else _text(tokens, stop),
    )


def _given(prompt: Prompt, family: Family) -> str:
    """The text as an expression, without the spaces at its ends if a chat template takes those of a whole prompt."""
    trims = family.around(" ", " ") == family.around("", "")
    first, last = trims and not prompt.before, trims and not prompt.after
    return "text.strip()" if first and last else "text.lstrip()" if first else "text.rstrip()" if last else "text"


def _choosing(text: str, asked: str, labels: Sequence[str], family: Family) -> str:
    """Lines that set ``answer`` to the likeliest label after a prompt."""
    quoted = f"[{', '.join(map(_quoted, labels))}]"
    return CHOOSING.format(text=text, labels=quoted, prompt=asked, likelihood=family.likelihood())


def _text(tokens: str, stop: Sequence[str]) -> str:
    """An expression for the text of these tokens, up to where it ends."""
    stops = _quoted("|".join(map(re.escape, stop)))
    return ENDED.format(tokens=tokens, stops=stops) if stop else ANSWER.format(tokens=tokens)


def _quoted(text: str) -> str:
    """The text as Python writes it."""
    return json.dumps(text, ensure_ascii=False)
