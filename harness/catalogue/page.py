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
PROBES = [Path(__file__).with_name(f"{name}.py") for name in ("capabilities", "reach", "shapes", "subjects")]
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
FAMILIES = {"seq2seq": ("encoder-decoder", "T5"), "causal": ("decoder-only", "Llama")}
Findings = Mapping[str, Any]  # by method: ``source``, and by family the fields of ``capabilities.Capabilities``

INTRODUCTION = """# Methods

Written by `python -m harness.catalogue.page` with peft {peft}; a test keeps it current. A sentence and its paper are
the docstring of `methods/<id>.py`. The rest was found out, on a small model of random weights for each family of base
models, a T5 (`seq2seq`) and a Llama (`causal`): each method was built on it, trained for three steps and asked for an
answer. Then all that it trains was changed at random, and the model was compared with itself.

The columns `seq2seq` and `causal` count the elements that are trained with the file's own defaults: on flan-t5-small's
shape (76,961,152 parameters), and on that of SmolLM2-135M with an output layer of its own (162,826,560 parameters). A
dash: the method does not run on such models; the reasons are at the end."""
MARKS = """## What training reaches, and what is left of it afterwards

A part is marked when, given the same as before, it answers otherwise after everything trainable has changed. The norm
in front of a part belongs to it. Virtual tokens count as embeddings, virtual keys and values as self-attention; a
network beside the blocks is none of these parts. `identity`: before training the model answers as the base does.
`merges`: what was trained can become plain weights of the base, with the same answers and the base's speed.
`operations`: what torch is asked for in a forward pass, over the base's, when nothing is merged; generation is slower
where it is above 1."""


def write() -> None:
    """Bring page and findings up to date; some minutes where everything has changed."""
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
        else {
            "source": source(plugin),
            **{family: one.model_dump(mode="json") for family, one in capabilities.probe(plugin).items()},
        }
        for name, plugin in plugins.items()
    }


def source(plugin: Plugin) -> str:
    """Twelve hex digits of what decides the findings about a method: its file, the libraries, what finds out."""
    content = [path.read_bytes() for path in [plugin.path, *PROBES]]
    versions = " ".join(release(version(package)) for package in ("peft", "transformers", "torch"))
    return digest(*content, versions.encode())


def page(plugins: Mapping[str, Plugin], findings: Findings) -> str:
    """The page as Markdown."""
    parts = [
        INTRODUCTION.format(peft=release(version("peft"))),
        _table(
            ["method", "what it is", "paper", *FAMILIES],
            [_about(plugins[name], findings[name]) for name in findings],
            numbers=len(FAMILIES),
        ),
        MARKS,
        *(_marks(findings, family) for family in FAMILIES),
        *(_reasons(findings, family) for family in FAMILIES),
    ]
    return "\n\n".join(parts) + "\n"


def _about(plugin: Plugin, finding: Mapping[str, Any]) -> list[str]:
    text = ast.get_docstring(ast.parse(plugin.path.read_text(encoding="utf-8"))) or ""
    match = DOCSTRING.match(text)
    if match is None:
        raise ValueError(f"{plugin.path}: its docstring must be one sentence, with the paper in brackets at its end")
    paper = ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", match["paper"] or "")
    found = [finding[family] for family in FAMILIES]
    return [plugin.id, match["what"], paper, *("–" if one["unsupported"] else f"{one['trainable']:,}" for one in found)]


def _marks(findings: Findings, family: str) -> str:
    """The table of a family: what each method that trains reaches, of the parts that any of them reaches."""
    kind, model = FAMILIES[family]
    trained = {name: one[family] for name, one in findings.items() if one[family]["operations"] is not None}
    reached = {part for one in trained.values() for part in one["reaches"]}
    parts = {part: short for part, short in PARTS.items() if part in reached}
    rows = [[name, *_marked(one, list(parts)), f"{one['operations']:.2f}"] for name, one in trained.items()]
    headers = ["method", *parts.values(), "identity", "merges", "operations"]
    return f"### On {kind} models ({model})\n\n{_table(headers, rows)}"


def _marked(finding: Mapping[str, Any], parts: list[str]) -> list[str]:
    marks = [*(part in finding["reaches"] for part in parts), finding["identity"], finding["merges"]]
    return ["✓" if mark else "" for mark in marks]


def _reasons(findings: Findings, family: str) -> str:
    kind, model = FAMILIES[family]
    reasons = {name: one[family]["unsupported"] for name, one in findings.items() if one[family]["unsupported"]}
    listed = "\n".join(f"- `{name}`: {reason}" for name, reason in reasons.items())
    return f"## Not on {kind} models (a {model} on the CPU)\n\n{listed}"


def _table(headers: list[str], rows: list[list[str]], numbers: int = 1) -> str:
    """A Markdown table whose last columns are numbers."""
    align = ["left"] * (len(headers) - numbers) + ["right"] * numbers
    return tabulate(rows, headers, tablefmt="github", colalign=align, disable_numparse=True)


if __name__ == "__main__":
    write()
