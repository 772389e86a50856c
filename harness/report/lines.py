"""Runs and remarks as lines of a terminal: a line per run as it ends, and remarks that are not too long to read."""

import textwrap
from collections.abc import Sequence

from ..spec.progress import Progress
from ..spec.record import Record, Status
from ..spec.search import Search
from .readable import cut, readable

MAX_LINES = 3  # of a remark, unless all details are wanted
INDENT = "  "
MORE = " … (-v shows all)"


def of_run(record: Record, *, reused: bool = False) -> str:
    """``lora-seed0: 36.3`` with the metric and ``trained 28.3 s``, or why there is no score."""
    name = record.spec.name
    if record.status != Status.OK or record.score is None:
        cause = cut(record.error.cause) if record.error else ""
        return f"{name}: {record.status}{': ' * bool(cause)}{cause}"
    metric, seconds = record.metrics[0], record.cost.train_seconds
    trained = f", trained {readable(seconds, 'seconds')}" if seconds is not None else ""
    again = ", reused" if reused else ""
    return f"{name}: {metric.shown(record.score)} {metric.title}{trained}{again}"


def of_search(found: Search) -> str:
    """``lora: learning rate 0.008, searched 88.3 s``, or that none was found."""
    rate = "no learning rate" if found.learning_rate is None else f"learning rate {found.learning_rate:g}"
    return f"{found.spec.method}: {rate}, searched {readable(found.seconds, 'seconds')}"


def of_progress(runs: Sequence[Progress], done: int, total: int, left: float | None) -> str:
    """``lora-seed1 train 45%, loss 2.31 · 4 of 15 · about 3.1 min left``; ``left`` is in seconds, if it is known."""
    now = [_progress(run) for run in runs] if runs or done else ["checking model, data and methods"]
    time = [] if left is None else [f"about {readable(left, 'seconds')} left"]
    return " · ".join([*now, f"{done} of {total}", *time])


def wrapped(remark: str, width: int, *, whole: bool = False) -> list[str]:
    """A remark in lines of this width; the end of a long one is left out, unless it is wanted as a ``whole``."""
    lines = textwrap.wrap(
        remark, width, subsequent_indent=INDENT, break_on_hyphens=False, max_lines=None if whole else MAX_LINES,
        placeholder=MORE,
    )  # fmt: skip
    return lines or [""]


def _progress(run: Progress) -> str:
    share = "" if run.share is None else f" {run.share:.0%}"
    loss = "" if run.loss is None else f", loss {run.loss:.2f}"
    return f"{run.run} {run.phase}{share}{loss}"
