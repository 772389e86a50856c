"""Chat templates: a prompt as the user's turn of a conversation, after which the model answers."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from ..spec.conversation import SYSTEM, USER, Turn
from ..spec.errors import ModelError, brief

MARK = "\ue000prompt\ue001"  # stands for a prompt in a rendered template
# Put before a template: what it writes as the date of today is the same on every day, and Llama's own fallback.
FIXED_DATE = "{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}\n"


class Chat:
    """The chat template of a tokenizer, with an optional text of the system.

    ``name`` is the model's. Raises ``ModelError`` for a template that cannot make these turns.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, system: str | None, name: str):
        self._tokenizer, self._name = tokenizer, name
        self._first = [Turn(SYSTEM, system)] if system else []
        self._before, mark, self._after = self._render(MARK).partition(MARK)
        if not mark:
            raise ModelError(self._unusable("it leaves out what the user says"))
        if system and " ".join(system.split()) not in " ".join(self.template.split()):
            raise ModelError(self._unusable("it leaves out what the system says"))

    def render(self, prompts: Sequence[str]) -> list[str]:
        """The conversations in which these prompts are the user's turn, up to where the answer begins.

        Raises ``ModelError`` if the template refuses one of them.
        """
        return [self._render(prompt) for prompt in prompts]

    def around(self, before: str, after: str) -> tuple[str, str]:
        """What stands around a text in a conversation whose prompts have ``before`` and ``after`` around it."""
        before, _, after = self._render(f"{before}{MARK}{after}").partition(MARK)
        return before, after

    @property
    def template(self) -> str:
        """The template around a prompt, with the system's text."""
        return f"{self._before}{MARK}{self._after}"

    def _render(self, prompt: str) -> str:
        return self._rendered([*self._first, Turn(USER, prompt)])

    def _rendered(self, turns: Sequence[Turn]) -> str:
        try:
            text: str = self._tokenizer.apply_chat_template(
                [turn._asdict() for turn in turns],
                chat_template=FIXED_DATE + self._tokenizer.get_chat_template(),
                tokenize=False,
                add_generation_prompt=True,
                enable_thinking=False,
            )
        except Exception as error:  # templates raise anything
            raise ModelError(self._unusable(f"{type(error).__name__}: {brief(error, 200)}")) from error
        return text

    def _unusable(self, reason: str) -> str:
        what, instead = "", "set task.chat = false to ask it in plain text"
        if self._first:
            what, instead = " with task.system", "leave out task.system"
        problem = f"its chat template cannot be used{what}: {reason}"
        return f"model {self._name!r}: {problem}; {instead}, or correct the template"


class Conversations(Chat):
    """The same for tasks whose rows are conversations: their prompts are rendered already."""

    def conversation(self, turns: Sequence[Turn]) -> str:
        """The prompt after which the assistant goes on; it begins with the system's text unless the turns have one."""
        return self._rendered(turns if turns[0].role == SYSTEM else [*self._first, *turns])

    def render(self, prompts: Sequence[str]) -> list[str]:
        """The prompts as they are."""
        return list(prompts)

    def around(self, before: str, after: str) -> tuple[str, str]:
        """Nothing more."""
        return before, after
