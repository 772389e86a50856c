"""The model card of a kept model: what it is, and a script that loads it and answers one text."""

from collections.abc import Callable, Sequence

from ..spec import task_files
from ..spec.conversation import USER, Turn
from ..spec.record import RunSpec
from ..spec.suite import ModelTable
from ..spec.task_table import CHOOSE, PYTHON, TaskTable
from .script import Script

EXAMPLE = "Is the red one in stock?"  # a text for any task
CARD = """\
---
library_name: {library}
{base_model}---

# {method}, seed {seed}, suite {suite}

Tuneoff trained this model with the method `{method}`; on the suite's test examples, it reached {score}. The base model
is `{base}`. To answer a text, run this script in this folder:

```python
{script}```

{problem}{prompt} Tuneoff cuts {cut} where the whole prompt would have more than {limit} tokens.{reading}
"""
PROMPT = "The prompt is the one used in training."
FILL = "write texts in place of the names in braces."
SEVERAL_COLUMNS = f"{PROMPT} The text is what it has from its first column to its last: {FILL}"
SEVERAL_PROMPTS = f"The text is a whole prompt, because training used several. This is one of them: {FILL}"
CONVERSATION = "The text is a whole conversation, written as in training."
STOP = "Only what comes before {} in an answer was scored."
EXTRACT = "Only what the first group of `{}` finds in an answer was scored."
READ = "If `{}` has a function `read`, only what that returns for an answer was scored."


def of(
    spec: RunSpec,
    base: ModelTable,
    script: Script,
    score: str,
    problem: str | None,
    conversation: Callable[[Sequence[Turn]], str],
) -> str:
    """The card of a run's model; ``base`` is its base model, and ``score`` a metric's title with the run's value.

    ``problem`` says why the script does not give the run's answers, and ``conversation`` makes a prompt of turns.
    """
    task = task_files.completed(spec.task)
    example, prompt, cut = _text(task, conversation)
    return CARD.format(
        library=script.library,
        base_model=f"base_model: {base.name}\n" if base.revision else "",  # the hub's cards name no local path
        method=spec.method,
        seed=spec.seed,
        suite=spec.suite,
        score=score,
        base=f"{base.name}@{base.revision}" if base.revision else base.name,
        script=script.shown(".", example),
        problem=f"Its answers are not those that were scored: {problem}.\n\n" if problem else "",
        prompt=prompt,
        cut=cut,
        limit=spec.task.max_source_tokens,
        reading=_reading(task),
    )


def _text(task: TaskTable, conversation: Callable[[Sequence[Turn]], str]) -> tuple[str, str, str]:
    """An example of the text that the script is given, what this is, and what of it may be cut."""
    templates = task.templates
    if not templates:
        return conversation([Turn(USER, EXAMPLE)]), CONVERSATION, "its longest turn"
    first, *_ = templates
    if len({template.frame for template in templates}) > 1:
        before, after = first.frame
        return f"{before}{first.inside}{after}", SEVERAL_PROMPTS, "the longest of these texts"
    if len(first.parts) == len(templates) == 1:
        return EXAMPLE, PROMPT, "the text"
    return first.inside, SEVERAL_COLUMNS, "the longest of these texts"


def _reading(task: TaskTable) -> str:
    """What was scored of an answer that the script prints, if that may not be all of it."""
    if task.answer == CHOOSE:
        return ""
    said = [
        STOP.format(" or ".join(map(repr, task.stop))) if task.stop else "",
        EXTRACT.format(task.extract) if task.extract else "",
        READ.format(task.name) if task.name.endswith(PYTHON) else "",
    ]
    return "".join(f" {each}" for each in said if each)
