"""Chat templates: a prompt as the user's turn of a conversation, after which the model answers."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from ..spec.errors import ModelError

MARK = "\ue000prompt\ue001"  # stands for a prompt in a rendered template


class Chat:
    """The chat template of a tokenizer, with an optional text of the system.

    Raises ``ModelError`` for a template that cannot make a user's turn.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, system: str | None, name: str):
        self._tokenizer = tokenizer
        self._first = [{"role": "system", "content": system}] if system else []
        self._before, mark, self._after = self._rendered(MARK, name).partition(MARK)
        if not mark:
            raise ModelError(_unusable(name, "it leaves out what the user says"))

    def render(self, prompts: Sequence[str]) -> list[str]:
        """The conversations in which these prompts are the user's turn, up to where the answer begins."""
        return [self._render(prompt) for prompt in prompts]

    def prompt(self, rendered: str) -> str:
        """The prompt in a conversation."""
        return rendered.removeprefix(self._before).removesuffix(self._after)

    def script(self, text: str) -> str:
        """A Python expression, of ``tokenizer``, for the prompt whose text is this expression."""
        turns = ", ".join([*map(repr, self._first), f'{{"role": "user", "content": {text}}}'])
        options = 'add_generation_prompt=True, return_dict=True, return_tensors="pt"'
        return f"tokenizer.apply_chat_template([{turns}], {options})"

    @property
    def template(self) -> str:
        """The template around a prompt, with the system's text."""
        return f"{self._before}{MARK}{self._after}"

    def _render(self, prompt: str) -> str:
        turns = [*self._first, {"role": "user", "content": prompt}]
        text: str = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return text

    def _rendered(self, prompt: str, name: str) -> str:
        try:
            return self._render(prompt)
        except Exception as error:  # templates raise anything
            raise ModelError(
                _unusable(name, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
            ) from error


def _unusable(name: str, reason: str) -> str:
    return (
        f"model {name!r}: its chat template cannot be used: {reason}; set task.chat = false to ask it in plain text, "
        "or correct the template"
    )
