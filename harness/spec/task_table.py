"""``[task]``: what is asked, of which rows, from where, and how an answer is read."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from .table import AUTO, EMBEDDED, Positive, Table, Texts
from .template import Template

SOURCE, TARGET, ID, MESSAGES = "source", "target", "id", "messages"
OWN_COLUMNS = (SOURCE, TARGET, ID, MESSAGES)  # that a prompt need not name
GENERATE, CHOOSE = "generate", "choose"
DEFINING = ("columns", "prompt", "values", "answer", "labels", "stop", "extract", "metrics")  # of the keys
PYTHON = ".py"  # how the name of a task ends that is a file with code

Columns = Mapping[str, tuple[str, ...]]  # by the task's name for a column: what it may be called in the data


def _unsaid() -> Any:
    """The default of a key that the named task may say instead."""
    return Field(default=None, exclude_if=lambda value: value is None)


class TaskTable(Table):
    """``[task]``: a task by name, with other values for some of its keys, or a new one; and its rows."""

    name: str
    data: str = EMBEDDED
    revision: str | None = None
    train_every: Positive = 1  # keep every n-th training row, beginning with the first
    train_rows: Positive | None = None
    test_rows: Positive | None = None
    max_source_tokens: Positive = 512
    max_target_tokens: Positive = 128
    skip_bad_rows: bool = Field(default=False, strict=True, exclude_if=lambda skips: not skips)
    chat: Literal["auto", False] = Field(
        default=AUTO, exclude_if=lambda chat: chat == AUTO
    )  # ``auto``: a decoder-only model with a chat template gets each prompt as a user's turn
    system: str | None = Field(default=None, exclude_if=lambda text: text is None)  # what the system says before
    columns: Mapping[str, Texts] | None = _unsaid()  # of several names for a column, the first that the data have
    prompt: Texts | None = _unsaid()  # of several, each row has the first one whose columns it has all
    values: Mapping[str, str] | None = _unsaid()  # texts of the prompt that are the same in all rows
    answer: Literal["generate", "choose"] | None = _unsaid()
    labels: tuple[str, ...] | None = _unsaid()  # the valid answers
    stop: Texts | None = _unsaid()  # texts that end an answer
    extract: str | None = _unsaid()  # a regular expression; its first group is what counts of answers and references
    metrics: tuple[str, ...] | None = _unsaid()  # ids, or names of several together; the first one ranks

    @field_validator("system")
    @classmethod
    def _says_something(cls, text: str | None) -> str | None:
        if text is not None and not text.strip():
            raise ValueError("is empty; leave out this key")
        return text

    @field_validator("columns")
    @classmethod
    def _columns_are_named(cls, columns: Columns | None) -> Columns | None:
        for column, names in (columns or {}).items():
            if not names or not all(name.strip() for name in names):
                raise ValueError(f"{column} names no column of the data")
        if columns and MESSAGES in columns and (beside := {SOURCE, TARGET} & columns.keys()):
            raise ValueError(f"messages has both source and target in it; leave out {min(beside)}")
        return columns

    @field_validator("prompt")
    @classmethod
    def _prompts_name_columns(cls, prompts: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if prompts is not None and not all(map(_names, prompts or ("",))):
            raise ValueError("names no column; write {source} where the text of a row belongs")
        return prompts

    @field_validator("values")
    @classmethod
    def _values_are_no_columns(cls, values: Mapping[str, str] | None) -> Mapping[str, str] | None:
        if taken := set(OWN_COLUMNS) & set(values or ()):
            raise ValueError(f"{min(taken)} differs from row to row; name its column in task.columns")
        return values

    @field_validator("labels", mode="before")
    @classmethod
    def _numbers_are_labels(cls, labels: Any) -> Any:
        """Whole numbers count as text, as they do in data."""
        if not isinstance(labels, list | tuple):
            return labels
        return tuple(f"{each}" if isinstance(each, int) and not isinstance(each, bool) else each for each in labels)

    @field_validator("labels")
    @classmethod
    def _labels_differ(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is None:
            return None
        if len(labels) < 2:
            raise ValueError("needs two or more; leave out this key to find the labels in the training targets")
        for number, label in enumerate(labels):
            if not label or label != label.strip():
                raise ValueError(f"{label!r} is empty, or begins or ends with a space")
            if label in labels[:number]:
                raise ValueError(f"has {label!r} twice")
        return labels

    @field_validator("stop")
    @classmethod
    def _stops_are_texts(cls, stop: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if "" in (stop or ()):
            raise ValueError("has an empty text, which would end every answer")
        return stop

    @field_validator("extract")
    @classmethod
    def _has_a_group(cls, pattern: str | None) -> str | None:
        import regex  # takes a while, and only such tasks need it

        try:
            groups = regex.compile(pattern).groups if pattern is not None else 1
        except regex.error as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        if not groups:
            raise ValueError("has no group; put what counts of an answer in parentheses")
        return pattern

    @field_validator("metrics")
    @classmethod
    def _are_different_metrics(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names is not None and not names:
            raise ValueError("names no metric; name at least one, or leave out this key")
        if len(set(names or ())) < len(names or ()):
            raise ValueError("has duplicates")
        return names

    @model_validator(mode="after")
    def _system_is_in_a_chat(self) -> Self:
        if self.system is not None and not self.chat:
            raise ValueError("system is a turn of a chat, but chat is false; leave out one of the two keys")
        return self

    @property
    def labelled(self) -> bool:
        """Whether its targets are labels."""
        return bool(self.labels) or self.answer == CHOOSE

    @property
    def templates(self) -> tuple[Template, ...]:
        """The prompts, with the task's own names of columns, and with ``values`` filled in."""
        columns = self.columns or {}
        own = {name: column for column, names in reversed([*columns.items()]) for name in names}
        own |= {column: column for column in columns}
        return tuple(Template.of(text).renamed(own).settled(self.values or {}) for text in self.prompt or ())


def _names(prompt: str) -> tuple[str, ...]:
    return Template.of(prompt).names
