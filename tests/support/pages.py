"""The project's pages, and what they show."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
SUITE = ROOT / "docs" / "suite.md"
COMMANDS = ROOT / "docs" / "commands.md"
GUIDE = ROOT / "docs" / "your-model-and-data.md"


def text(page: Path) -> str:
    """A page as it is written."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)
