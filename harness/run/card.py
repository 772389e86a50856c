"""The model card of a kept model: what it is, and a script that loads it and answers one text."""

from ..spec.record import RunSpec
from ..spec.suite import ModelTable
from .script import Script

EXAMPLE = "#Person1#: Is the red one in stock?"
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


def of(spec: RunSpec, base: ModelTable, script: Script, score: str, problem: str | None) -> str:
    """The card of a run's model; ``base`` is its base model, and ``score`` a metric's title with the run's value.

    ``problem`` says why the script does not give the run's answers.
    """
    return CARD.format(
        library=script.library,
        base_model=f"base_model: {base.name}\n" if base.revision else "",  # the hub's cards name no local path
        method=spec.method,
        seed=spec.seed,
        suite=spec.suite,
        score=score,
        base=f"{base.name}@{base.revision}" if base.revision else base.name,
        script=script.shown(".", EXAMPLE),
        problem=f"Its answers are not those that were scored: {problem}.\n\n" if problem else "",
        limit=spec.task.max_source_tokens,
    )
