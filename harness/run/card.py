"""The model card of a kept model: what it is, and a script that loads it and answers one text."""

import json

from ..method import Setting
from ..models import precision
from ..models.family import Family
from ..spec.record import RunSpec
from ..spec.suite import ModelTable
from ..tasks.task import Prompt

EXAMPLE = "#Person1#: Is the red one in stock?"
SCRIPT = """\
from {library} import {loader}
from transformers import {helpers}

folder, text = {folder}, {text}
model = {loader}.from_pretrained(folder, {precision})
tokenizer, settings = AutoTokenizer.from_pretrained(folder), GenerationConfig.from_pretrained(folder)
prompt = {prompt}
answer = model.generate(**prompt, generation_config=settings)
print(tokenizer.decode({answer}, skip_special_tokens=True).strip())
"""
CARD = """\
---
library_name: {library}
{base_model}---

# {method}, seed {seed}, suite {suite}

Tuneoff trained this model with the method `{method}`; on the suite's test examples, it reached {score}. The base model
is `{base}`. To answer a text, run this script in this folder:

```python
{script}```

{problem}The prompt is the one used in training. Tuneoff cuts the text where the whole prompt would have more than
{limit} tokens.
"""


def of(spec: RunSpec, base: ModelTable, loader: str, setting: Setting, score: str, problem: str | None) -> str:
    """The card of a run's model; ``base`` is its base model, and ``score`` a metric's title with the run's value.

    ``problem`` says why the model does not give the run's answers by itself.
    """
    return CARD.format(
        library=_library(loader),
        base_model=f"base_model: {base.name}\n" if base.revision else "",  # the hub's cards name no local path
        method=spec.method,
        seed=spec.seed,
        suite=spec.suite,
        score=score,
        base=f"{base.name}@{base.revision}" if base.revision else base.name,
        script=script(loader, setting.prompt, setting.family, spec.model),
        problem=f"Its answers are not those that were scored: {problem}.\n\n" if problem else "",
        limit=spec.task.max_source_tokens,
    )


def script(
    loader: str, prompt: Prompt, family: Family, base: ModelTable, folder: str = ".", text: str = EXAMPLE
) -> str:
    """A script without Tuneoff that loads the model in ``folder`` with this class and prints its answer to a text.

    An adapter's ``base`` is loaded in the numbers in which it was trained.
    """
    asked, answer = family.script(f"{_quoted(prompt.before)} + text + {_quoted(prompt.after)}")
    numbers = precision.script(base)
    helpers = ["AutoTokenizer", *["BitsAndBytesConfig"] * ("BitsAndBytesConfig" in numbers), "GenerationConfig"]
    return SCRIPT.format(
        library=_library(loader),
        loader=loader,
        helpers=", ".join(helpers),
        precision=numbers,
        prompt=asked,
        answer=answer,
        folder=_quoted(folder),
        text=_quoted(text),
    )


def _quoted(text: str) -> str:
    """The text as Python writes it."""
    return json.dumps(text, ensure_ascii=False)


def _library(loader: str) -> str:
    return "peft" if "Peft" in loader else "transformers"
