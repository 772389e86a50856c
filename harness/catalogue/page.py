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
LINKS = {  # by how a docstring names a paper
    re.compile(r"arXiv:(\d{4}\.\d{5})"): r"[arXiv:\1](https://arxiv.org/abs/\1)",
    re.compile(r"OpenReview (\w+)"): r"[OpenReview \1](https://openreview.net/forum?id=\1)",
}
FAMILIES = {"seq2seq": ("encoder-decoder", "T5"), "causal": ("decoder-only", "Llama")}
Findings = Mapping[str, Any]  # by method: ``source``, and by family the fields of ``capabilities.Capabilities``

INTRODUCTION = """# Methods

Written by `python -m harness.catalogue.page` with peft {peft}; a test keeps it current. The columns *what it is* and
*paper* come from the docstring of `methods/<id>.py`. Everything else was measured on a small model with random weights
for each family, a T5 (`seq2seq`) and a Llama (`causal`): each method was built on it, trained for three steps, and
asked for an answer. Then everything that it trains was changed at random, and the model's outputs were compared before
and after.

The columns `seq2seq` and `causal` give the number of trained parameters with the method's default hyper-parameters, on
a model of the size of flan-t5-small (76,961,152 parameters) and on one of the size of SmolLM2-135M with an output layer
of its own (162,826,560 parameters). A dash: the method did not run here; the reasons are at the end.

The defaults are the class attributes in `methods/<id>.py`, and a suite changes them in `[methods.<id>]`. Unless their
files say otherwise, LoRA and its variants have rank 32, alpha 32 and the targets `query` and `value` (`LoraMethod` in
`harness/method.py`)."""
MARKS = """## Which parts training changes, and what it costs afterwards

A part is marked if its output changes when everything trainable is changed at random while its input stays the same.
The norm in front of a part belongs to it. Virtual tokens count as embeddings, virtual keys and values as
self-attention. A network beside the blocks, such as ShadowPEFT's, belongs to none of the columns. `identity`: before
training, the model gives the same answers as the base model. `merges`: what was trained can become plain weights of the
base model, with the same answers and the base model's speed. `operations`: the number of torch operations in a forward
pass, divided by the base model's, with nothing merged. Above 1, generation is usually slower, but not by this
factor."""


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
    found = [finding[family] for family in FAMILIES]
    paper = _linked(match["paper"] or "")
    return [plugin.id, match["what"], paper, *("–" if one["unsupported"] else f"{one['trainable']:,}" for one in found)]


def _linked(paper: str) -> str:
    """The paper with a link to where it can be read, if its docstring says where."""
    for name, link in LINKS.items():
        paper = name.sub(link, paper)
    return paper


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
    _, model = FAMILIES[family]
    reasons = {name: one[family]["unsupported"] for name, one in findings.items() if one[family]["unsupported"]}
    listed = "\n".join(f"- `{name}`: {reason}" for name, reason in reasons.items())
    return f"## Methods that did not run on the {model} (on a CPU, without optional packages)\n\n{listed}"


def _table(headers: list[str], rows: list[list[str]], numbers: int = 1) -> str:
    """A Markdown table whose last columns are numbers."""
    align = ["left"] * (len(headers) - numbers) + ["right"] * numbers
    return tabulate(rows, headers, tablefmt="github", colalign=align, disable_numparse=True)


if __name__ == "__main__":
    write()
