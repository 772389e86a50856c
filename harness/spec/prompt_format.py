"""How a decoder-only model reads prompts: part of what makes results comparable."""

from .block import Block


class PromptFormat(Block):
    """How a decoder-only model reads prompts, as hashes in twelve hex digits."""

    chat_template: str | None  # of what the chat template puts around a prompt; ``None``: plain text
    tokens: str  # of the tokens of a fixed prompt
