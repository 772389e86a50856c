"""A prompt as a table writes it: text with names in braces. They are replaced by texts, and never evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Self


@dataclass(frozen=True)
class Template:
    """The text before each name and the name, in turn, and the text at the end."""

    parts: tuple[tuple[str, str], ...]
    end: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The template that is written so: ``{name}`` for a name, ``{{`` and ``}}`` for braces.

        Raises ``ValueError`` for braces with anything else in them.
        """
        parts, before = list[tuple[str, str]](), ""
        for literal, name, spec, conversion in _parsed(text):
            before += literal
            if name is None:
                continue
            if not name.strip() or spec or conversion:
                raise ValueError("has braces with more or less than a name in them; write {{ and }} for braces as text")
            parts.append((before, name))
            before = ""
        return cls(tuple(parts), before)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, each once, in order."""
        return tuple(dict.fromkeys(name for _, name in self.parts))

    @property
    def frame(self) -> tuple[str, str]:
        """The text before the first name and the text after the last one."""
        return (self.parts[0][0], self.end) if self.parts else (self.end, "")

    @property
    def inside(self) -> str:
        """The text from the first name to the last one, with the names in braces."""
        return "".join(f"{before * bool(number)}{{{name}}}" for number, (before, name) in enumerate(self.parts))

    def filled(self, texts: Mapping[str, str]) -> str:
        """The text with a text in place of each name."""
        return "".join(f"{before}{texts[name]}" for before, name in self.parts) + self.end

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The template with other names for some."""
        return type(self)(tuple((before, names.get(name, name)) for before, name in self.parts), self.end)

    def settled(self, texts: Mapping[str, str]) -> Self:
        """The template with these texts in place of their names; other names stay."""
        parts, before = list[tuple[str, str]](), ""
        for text, name in self.parts:
            before += text
            if name in texts:
                before += texts[name]
            else:
                parts.append((before, name))
                before = ""
        return type(self)(tuple(parts), before + self.end)


def _parsed(text: str) -> list[tuple[str, str | None, str | None, str | None]]:
    try:
        return list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError("has an unpaired brace; write {{ and }} for braces as text") from error
