"""The prompt of a row: made from its texts, of which the longest one may have to be cut."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..spec.conversation import Turn
from ..spec.template import Template

Fill = Callable[[str], str]  # makes a prompt from the text that may be cut


@dataclass(frozen=True)
class Prompt:
    """What stands around the source in every prompt, in training and in generation.

    If a prompt has other texts of its row as well, the source here is all that is between the first and the last one.
    Nothing stands around all prompts of a task whose ``frames``, by the prompts that rows may have, differ.
    """

    before: str
    after: str
    frames: tuple[tuple[str, str], ...] = ()

    def fill(self, source: str) -> str:
        """The prompt for a source."""
        return f"{self.before}{source}{self.after}"

    def unfilled(self, prompt: str) -> str:
        """What ``fill`` makes a prompt from."""
        return prompt.removeprefix(self.before).removesuffix(self.after)

    def source(self, prompt: str) -> str:
        """The source in a prompt, whichever of the task's prompts it is."""
        fitting = [(one, end) for one, end in self.frames if prompt.startswith(one) and prompt.endswith(end)]
        before, after = max(fitting, key=lambda frame: len("".join(frame)), default=(self.before, self.after))
        return prompt.removeprefix(before).removesuffix(after)

    def dialogue(self, prompt: str) -> str:
        """The same, under its name in method files that were written before there were other tasks."""
        return self.source(prompt)


class Slot(NamedTuple):
    """The longest text of a prompt, and what makes the prompt from the text or from a beginning of it."""

    text: str
    fill: Fill


def around(templates: Iterable[Template]) -> Prompt:
    """What the prompts of these templates have around their texts: nothing if that differs between them."""
    frames = tuple(dict.fromkeys(template.frame for template in templates))
    return Prompt(*frames[0]) if len(frames) == 1 else Prompt("", "", frames)


def usable(templates: Iterable[Template], texts: Mapping[str, str]) -> Template | None:
    """The first template whose texts a row has all; ``None`` if there is none."""
    return next((template for template in templates if texts.keys() >= set(template.names)), None)


def of_texts(template: Template, texts: Mapping[str, str]) -> Slot:
    """The slot of a row's prompt that has these texts."""
    longest = max(template.names, key=lambda name: len(texts[name]))
    return Slot(texts[longest], lambda text: template.filled({**texts, longest: text}))


def of_turns(turns: Sequence[Turn], conversation: Callable[[Sequence[Turn]], str]) -> Slot:
    """The slot of a conversation, which ``conversation`` makes a prompt of."""
    longest = max(range(len(turns)), key=lambda number: len(turns[number].content))

    def fill(text: str) -> str:
        return conversation([*turns[:longest], turns[longest]._replace(content=text), *turns[longest + 1 :]])

    return Slot(turns[longest].content, fill)
