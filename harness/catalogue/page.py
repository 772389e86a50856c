"""``docs/methods.md``: each method with its paper, its size and what it can do. ``python -m harness.catalogue.page``.

What was found out about a method is kept in ``docs/methods.json``, and found out again when its file or the code that
finds out has changed.
"""

import ast
import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tabulate import tabulate

from ..spec import registry
from ..spec.hashing import digest
from ..spec.record import release
from ..spec.registry import Plugin

ROOT = Path(__file__).parents[2]
PAGE, FINDINGS = ROOT / "docs" / "methods.md", ROOT / "docs" / "methods.json"
PROBES = [Path(__file__).with_name(f"{name}.py") for name in ("capabilities", "reach", "shapes")]
PARTS = {
    "embeddings": "embed.",
    "encoder self-attention": "enc. attn.",
    "encoder feed-forward": "enc. ff.",
    "decoder self-attention": "dec. attn.",
    "cross-attention": "cross-attn.",
    "decoder feed-forward": "dec. ff.",
    "LM head": "LM head",
}
DOCSTRING = re.compile(r"^(?P<what>.+?)(?: \((?P<paper>[^()]+)\))?\.$")
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{5})")
Findings = Mapping[str, Any]  # by method: ``source`` and the fields of ``harness.catalogue.capabilities.Capabilities``

INTRODUCTION = """# Methods

Written by `python -m harness.catalogue.page` with peft {peft}; a test keeps it current. A sentence and its paper are
the docstring of `methods/<id>.py`. The rest was found out: each method was built on a small T5 of random weights, all
that it trains was changed at random, and the model was compared with itself. `trainable` counts elements on
flan-t5-small's shape (76,961,152 parameters) with the file's own defaults."""
MARKS = """## What training reaches, and what is left of it afterwards

A part is marked when, given the same as before, it answers otherwise after everything trainable has changed. The norm
in front of a part belongs to it. Virtual tokens count as embeddings, virtual keys and values as self-attention.
`identity`: before training the model answers as the base does. `merges`: what was trained can become plain weights of
the base, with the same answers and the base's speed. `operations`: what torch is asked for in a forward pass, over
the base's, when nothing is merged; generation is slower where it is above 1."""


def write() -> None:
    """Bring page and findings up to date; a minute where everything has changed."""
    plugins = registry.discover()
    findings = found(plugins, json.loads(FINDINGS.read_text(encoding="utf-8")) if FINDINGS.exists() else {})
    FINDINGS.write_text(json.dumps(findings, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(plugins, findings), encoding="utf-8")


def found(plugins: Mapping[str, Plugin], known: Findings) -> dict[str, Any]:
    """The findings about all these methods, those that are known and still current as they are."""
    from . import capabilities  # torch: only to find out

    return {
        name: known[name]
        if known.get(name, {}).get("source") == source(plugin)
        else {"source": source(plugin), **capabilities.probe(plugin).model_dump(mode="json")}
        for name, plugin in plugins.items()
    }


def source(plugin: Plugin) -> str:
    """Twelve hex digits of what decides the findings about a method: its file, the libraries, what finds out."""
    content = [path.read_bytes() for path in [plugin.path, *PROBES]]
    versions = " ".join(release(version(package)) for package in ("peft", "transformers", "torch"))
    return digest(*content, versions.encode())


def page(plugins: Mapping[str, Plugin], findings: Findings) -> str:
    """The page as Markdown."""
    trained = {name: one for name, one in findings.items() if one["operations"] is not None}
    reasons = {name: one["unsupported"] for name, one in findings.items() if one["unsupported"]}
    parts = [
        INTRODUCTION.format(peft=release(version("peft"))),
        _table(
            ["method", "what it is", "paper", "trainable"], [_about(plugins[name], findings[name]) for name in findings]
        ),
        MARKS,
        _table(
            ["method", *PARTS.values(), "identity", "merges", "operations"], [*map(_marks, trained, trained.values())]
        ),
        "## Not on a T5 on the CPU",
        "\n".join(f"- `{name}`: {reason}" for name, reason in reasons.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _about(plugin: Plugin, finding: Mapping[str, Any]) -> list[str]:
    text = ast.get_docstring(ast.parse(plugin.path.read_text(encoding="utf-8"))) or ""
    match = DOCSTRING.match(text)
    if match is None:
        raise ValueError(f"{plugin.path}: its docstring must be one sentence, with the paper in brackets at its end")
    paper = ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", match["paper"] or "")
    return [plugin.id, match["what"], paper, "–" if finding["unsupported"] else f"{finding['trainable']:,}"]


def _marks(name: str, finding: Mapping[str, Any]) -> list[str]:
    reached = ["✓" if part in finding["reaches"] else "" for part in PARTS]
    return [
        name,
        *reached,
        *("✓" if finding[mark] else "" for mark in ("identity", "merges")),
        f"{finding['operations']:.2f}",
    ]


def _table(headers: list[str], rows: list[list[str]]) -> str:
    align = ["left"] * len(headers)
    align[-1] = "right"
    return tabulate(rows, headers, tablefmt="github", colalign=align, disable_numparse=True)


if __name__ == "__main__":
    write()
