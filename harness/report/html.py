"""The report: one HTML file that opens from disk, without a network, and holds everything that it shows.

Text of models and data is escaped by Jinja, or is JSON that the scripts put into the page as text. The page's own
policy forbids every request, and every script but those that are named by their hash.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..spec import toml
from ..spec.suite import built_in
from ..store.results import Store
from . import advice, answer, comparable, contents, details, examples, facts, notes, table, whiskers
from .readable import cut, readable, sentence
from .tables import Tables

PAGE = Path(__file__).parent / "page"
LIBRARIES = ("vega.min.js", "vega-lite.min.js")
FIRST = "scripted"  # the script that runs before the page is shown
SCRIPTS = ("base", "answer", "leaderboard", "chart", "pairs", "examples", "searches")
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
FILE = "report.html"


def write(store: Store, seeds: Sequence[int], shown: Tables) -> Path:
    """Write the report beside the leaderboard and return its path; raises ``StoreError`` if it cannot be written."""
    return store.write_text(FILE, page(store, seeds, shown))


def page(store: Store, seeds: Sequence[int], shown: Tables) -> str:
    """The whole file; the same records give the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    scripts = _scripts()
    environment.filters["json"] = contents.to_json
    environment.filters["readable"] = readable
    environment.filters["breakable"] = _breakable
    environment.filters["sentence"] = sentence
    environment.filters["toml"] = toml.written
    view = _view(store, seeds, shown)
    style = Markup((PAGE / "report.css").read_text(encoding="utf-8"))
    return environment.get_template("report.html.jinja").render(
        **view, style=style, scripts=[Markup(script) for script in scripts], policy=_policy(scripts)
    )


def _view(store: Store, seeds: Sequence[int], shown: Tables) -> dict[str, Any]:
    """What the template shows, by name."""
    rows, here = shown.rows, store.read_preflight()
    groups, recovered = details.by_method(shown.records), contents.recovered_by(rows, shown.ranking)
    first, scale = shown.records[0] if shown.records else None, whiskers.scale(rows)
    data = {
        **contents.page_data(rows, shown.ranking, shown.needs),
        "examples": examples.examples(store, shown.records, [row.method for row in rows]),
        "searches": details.searches(shown.notes.searches),
    }
    return {
        "suite": store.folder.name,
        "first": first,
        "records": shown.records,
        "metrics": rows[0].metrics if rows else (),
        "headline": answer.headline(rows, shown.ranking),
        "facts": facts.facts(shown.records, rows, shown.notes, len(seeds), _tested_on(shown, data)),
        "sentences": answer.sentences(rows, shown.ranking),
        "rows": [
            {
                "row": row,
                "data": method,
                "ranks": table.ranks(row),
                "recovered": recovered[row.method],
                "whisker": whiskers.whisker(row.scores[row.metrics[0].id], row.metrics[0], scale)
                if row.scores
                else None,
                "reason": "" if row.rank else cut(row.reason),
            }
            for row, method in zip(rows, data["methods"], strict=True)
        ],
        "timing": facts.timing(rows),
        "doubtful": {each["name"] for each in data["methods"] if each["doubtful"]},
        "doubts": [each.replace("`", "") for each in table.doubts(rows)],
        "scale": scale,
        "axes": contents.axes(rows, shown.needs),
        "kinds": sorted({each["kind"] for each in data["methods"]}),
        "groups": [(method, groups[method]) for method in (row.method for row in rows) if method in groups],
        "details": details,
        "troubles": [*details.troubles(store, shown.records), *details.unranked(rows)],
        "notes": shown.notes,
        "problems": [*_remarks(shown), *details.failed_checks(shown.records)],
        "searches": data["searches"],
        "here": here if here and comparable.same_input(here, shown.records) else None,
        "built_in": store.folder.name in built_in(),
        "rate_rule": notes.RATE_RULE if _tested(shown.notes) else "",
        "left_out": shown.left_out,
        "data": data,
    }


def _tested_on(shown: Tables, data: Mapping[str, Any]) -> int:
    """The number of test examples of the ranked methods, or else of all answers."""
    found = data["examples"]
    return shown.ranking.field.examples if shown.ranking else len(found["rows"]) + found["left_out"]["examples"]


def _tested(found: notes.Notes) -> bool:
    """Whether the searches tested their trials; older ones took the best trial."""
    return any(trial.p_value is not None for search in found.searches.values() for trial in search.trials)


def _remarks(shown: Tables) -> list[str]:
    """The problems that the notes know."""
    return [*notes.problems(shown.notes), *advice.incomplete(shown.rows)]


def _scripts() -> list[str]:
    """The script that runs first, the libraries, then the page's other scripts as one."""
    first = (PAGE / f"{FIRST}.js").read_text(encoding="utf-8")
    libraries = [SOURCE_MAP.sub("", (PAGE / "vendor" / name).read_text(encoding="utf-8")).strip() for name in LIBRARIES]
    own = "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return [first, *libraries, f'"use strict";\n(() => {{\n{own}}})();\n']


def _policy(scripts: Sequence[str]) -> str:
    """The page's content security policy; Vega compiles its specifications, hence ``unsafe-eval``."""
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    scripts_and_style = f"script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"
    return f"default-src 'none'; {scripts_and_style}; base-uri 'none'; form-action 'none'"


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _breakable(name: str) -> Markup:
    """A name that may be broken after an underscore, where a column is narrow."""
    return Markup("_<wbr>").join(name.split("_"))
