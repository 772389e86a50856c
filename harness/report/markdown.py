"""The leaderboard as Markdown, with gains and sample dialogues. Text of models and data is escaped."""

import re
from collections.abc import Sequence
from dataclasses import replace

from tabulate import tabulate

from ..ranking.intervals import Interval
from ..ranking.leaderboard import FULL_FINETUNE, Row
from ..spec import task_files
from ..spec.metric import Direction, Metric
from ..spec.record import Prediction, RunOutcome
from ..spec.suite import ZERO_SHOT, Suite
from . import advice, table
from .notes import Notes, section
from .readable import shortened

TITLES = {ZERO_SHOT: "zero-shot", FULL_FINETUNE: "full fine-tuning"}
# Markup anywhere in a line, except underscores within a word; markup at the start of a line; and what makes a bare
# address a link.
MARKUP = re.compile(r"[\\`*\[\]<>|&~$@]|(?<![^\W_])_|_(?![^\W_])|^[-+#=\d]|:(?=//)|(?<=www)\.", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def leaderboard(suite: Suite, rows: Sequence[Row], samples: Sequence[RunOutcome], notes: Notes | None = None) -> str:
    """The whole page; ``samples`` are the runs of one seed, with the predictions to show."""
    rows = [replace(row, method=escape(row.method)) for row in rows]
    parts = [f"# Leaderboard: {escape(suite.name)}", _setting(suite), table.leaderboard(rows, "github")]
    metrics = rows[0].metrics if rows else ()
    parts += [_legend(metrics)] if metrics else []
    parts += ["\n".join(f"- {line}" for line in lines)] if (lines := advice.lines(suite, rows)) else []
    parts += [_front(metrics[0])] if any(row.fronts for row in rows) else []
    parts += table.doubts(rows)
    searched = metrics and any(row.costs["search_seconds"] is not None for row in rows)
    parts += [_searched(metrics[0])] if searched else []
    parts += [BOUND] if any(row.bound for row in rows) else []
    failed = [row for row in rows if row.rank is None and not row.bound]
    parts += [_failures(failed)] if failed else []
    parts += [section(notes)] if notes else []
    parts += [_gains(rows, reference) for reference in TITLES if any(reference in row.gains for row in rows)]
    target = task_files.words(suite.task)[1]
    parts += [_samples(samples, target)] if any(entry.predictions for entry in samples) else []
    return "\n\n".join(parts) + "\n"


LEGEND = (
    "{what}, mean over test examples and seeds, with a 95% interval that covers chance in both. A rank is the range "
    "that the scores allow, at 95% for all methods together: `2–5` means that one method is shown to be better, and "
    "all but four others to be worse. An interval is about one method alone: two methods whose intervals overlap may "
    "still be told apart. Seconds and memory are means over seeds; training time excludes evaluation."
)
CORPUS = "Over all test examples of a seed together, instead of example by example: {titles}."
BOUND = (
    "A bound is made from the references, which no other method sees: it shows the most that such texts could reach, "
    "and has no rank."
)


def escape(text: str) -> str:
    """Untrusted text made safe for a Markdown paragraph or table cell: no markup, and all on one line."""
    visible = CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.strip().replace("\r\n", "\n"))
    safe = MARKUP.sub(lambda match: f"&#{ord(match[0])};", visible)
    return safe.replace("\t", " ").replace("\n", "<br>")


def _legend(metrics: Sequence[Metric]) -> str:
    legend = LEGEND.format(what="; ".join(dict.fromkeys(metric.legend or metric.title for metric in metrics)))
    together = ", ".join(metric.title for metric in metrics if metric.corpus)
    return f"{legend} {CORPUS.format(titles=together)}" if together else legend


def _front(metric: Metric) -> str:
    better = "a higher" if metric.better == Direction.HIGHER else "a lower"
    return (
        f"`{table.FRONT_MARK}` marks the Pareto front: no ranked method has {better} mean {metric.title} at a lower "
        "value of that column."
    )


def _searched(metric: Metric) -> str:
    gap = "the best minus the worst" if metric.better == Direction.HIGHER else "the worst minus the best"
    unanswered = "does not count" if metric.worst is None else f"counts as {metric.shown(metric.worst, 0)}"
    return (
        "The learning rates were searched on validation rows: `search` is the total time of all trials, and "
        f"`LR gap` is {gap} trial's {metric.title}; a trial without an answer {unanswered}."
    )


def _setting(suite: Suite) -> str:
    limits = ", ".join(f"{limit:,} {unit}" for unit, limit in suite.budget.limits().items())
    return (
        f"Base model {escape(suite.model.name)}, data {escape(suite.task.data)}, budget {limits} for every method, "
        f"seeds {', '.join(map(str, suite.run.seeds))}."
    )


def _failures(rows: Sequence[Row]) -> str:
    lines = [f"- {row.method}: {row.status}. {escape(row.reason)}" for row in rows]
    return "\n".join(["## Without a rank", "", *lines])


def _gains(rows: Sequence[Row], reference: str) -> str:
    metrics = rows[0].metrics
    headers = ["method", *(metric.title for metric in metrics)]
    cells = []
    for row in rows:
        if gains := row.gains.get(reference):
            cells.append([row.method, *(_gain(gains[metric.id], metric) for metric in metrics)])
    text = tabulate(
        cells, headers, tablefmt="github", colalign=["left", *["right"] * len(metrics)], disable_numparse=True
    )
    units = " or ".join(dict.fromkeys(metric.unit for metric in metrics))
    return f"## Gain over {TITLES[reference]}, in {units} (95%)\n\n{text}"


def _gain(value: Interval, metric: Metric) -> str:
    if value.low is None or value.high is None:
        return metric.moved(value.mean)
    return f"{metric.moved(value.mean)} ({metric.moved(value.low)} to {metric.moved(value.high)})"


def _longest(samples: Sequence[RunOutcome]) -> Sequence[Prediction]:
    return max((entry.predictions for entry in samples), key=lambda predictions: len(predictions))


def _samples(samples: Sequence[RunOutcome], target: str) -> str:
    parts = [f"## Samples (seed {samples[0].record.spec.seed})"]
    for number, prediction in enumerate(_longest(samples)):
        answers = [("*human*", _sample(reference)) for reference in prediction.references]
        answers += [
            (escape(entry.record.spec.method), _sample(entry.predictions[number].text) or "*(empty)*")
            for entry in samples
            if number < len(entry.predictions)
        ]
        lines = [f"| by | {target} |", "| --- | --- |", *(f"| {name} | {text} |" for name, text in answers)]
        parts += [f"### {escape(prediction.id)}", f"> {_sample(prediction.source)}", "\n".join(lines)]
    return "\n\n".join(parts)


def _sample(text: str) -> str:
    return escape(shortened(text.strip()))
