"""What the keys of a task must keep to together; what concerns one key alone is checked where the key is defined."""

from collections.abc import Iterator

from .errors import closest
from .task_table import CHOOSE, MESSAGES, OWN_COLUMNS, SOURCE, TARGET, Columns, TaskTable

EXAMPLE = '{ source = "question", target = "answer" }'


def flaw(table: TaskTable) -> str | None:
    """Why a table does not define a task, beginning with the key; ``None`` if it does."""
    return next(_flaws(table), None)


def _flaws(table: TaskTable) -> Iterator[str]:
    columns = table.columns or {}
    if MESSAGES in columns:
        yield from _beside_a_conversation(table, columns)
    else:
        yield from (f"task.columns: no {key}; name both, as in {EXAMPLE}" for key in _missing(columns))
        if not table.prompt:
            yield f'task.prompt: task {table.name!r} has none; write one, such as "{{source}}\\n\\nAnswer: "'
        yield from _misnamed(table, columns)
    if table.answer == CHOOSE:
        for key in ("stop", "extract"):
            if getattr(table, key):
                yield f"task.{key}: is for generated answers, but task.answer is {CHOOSE!r}; leave out this key"


def _beside_a_conversation(table: TaskTable, columns: Columns) -> Iterator[str]:
    """What would have no effect, because a conversation is its own prompt."""
    for key in ("prompt", "values"):
        if getattr(table, key):
            yield f"task.{key}: a conversation is its own prompt; leave out this key"
    for column in columns:
        if column not in OWN_COLUMNS:
            yield f"task.columns: a conversation is its own prompt, which names no {column}; leave out this column"


def _missing(columns: Columns) -> list[str]:
    return [key for key in (SOURCE, TARGET) if key not in columns]


def _misnamed(table: TaskTable, columns: Columns) -> Iterator[str]:
    """What is wrong with the names in prompts; their columns and texts are known to be there."""
    if both := set(columns[SOURCE]) & set(columns[TARGET]):
        yield f"task.columns: source and target are the same column, {min(both)!r}"
    templates = table.templates
    for template in templates:
        if TARGET in template.names:
            yield "task.prompt: names the column of the target, which would give the answer away"
        if SOURCE not in template.names:
            found = f"{{{', '.join(template.names)}}}" if template.names else "only texts of task.values"
            yield f"task.prompt: does not name {{source}}, the column whose text is asked about; it names {found}"
    named = {name for template in templates for name in template.names}
    idle = [column for column in columns if column not in named and column not in OWN_COLUMNS]
    if idle:
        yield f"task.columns: no prompt names {{{idle[0]}}}{closest(idle[0], [*named, *OWN_COLUMNS])}"
    unused = [name for name in table.values or () if not any(f"{{{name}}}" in text for text in table.prompt or ())]
    if unused:
        yield f"task.values: no prompt names {{{unused[0]}}}"
