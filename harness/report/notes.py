"""Notes beside the ranks: test data seen in training, and texts that were cut or empty."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from tabulate import tabulate

from ..spec import task_files
from ..spec.metric import Metric
from ..spec.preflight import Leakage
from ..spec.record import Answers, Environment, Lengths, Record, Status
from ..spec.search import LEVEL, Search, Trial

SHARE_TITLES = {
    "prompts_truncated": "prompts cut",
    "targets_truncated": "training targets cut",
    "outputs_cut": "outputs cut at max_new_tokens",
    "outputs_empty": "empty outputs",
}
INVALID = "invalid answers"
RATE_RULE = (
    "A rate replaces the method's own only if a paired test over the validation rows shows that it is better "
    f"(p at most {LEVEL:g}, corrected for the number of trials)."
)


@dataclass(frozen=True)
class Notes:
    """Leakage of the task, and each scored method's text lengths by seed and number of parameters without gradient.

    Also each method's learning-rate search, if there was one, and what all runs share.
    """

    leakage: Leakage | None
    lengths: Mapping[str, Sequence[Lengths]]
    dead: Mapping[str, int]
    searches: Mapping[str, Search] = field(default_factory=dict)
    same: Sequence[str] = ()  # trained methods that in some run that is ok gave the same labels as zero-shot
    invalid: Mapping[str, float] = field(default_factory=dict)  # by method, the share of invalid answers, if known
    source: str = "source"  # what one is called in the data
    labelled: bool = False  # whether answers are labels, whose words nobody counts
    environment: Environment | None = None
    model_revision: str | None = None
    data_revision: str | None = None
    data_hash: str | None = None
    date: str | None = None  # of the last run, if known
    machines: Mapping[str, int] = field(default_factory=dict)  # number of runs on each kind of machine


def of(records: Iterable[Record], leakage: Leakage | None, searches: Mapping[str, Search] | None = None) -> Notes:
    """The notes on these runs, which share one model and data set, and outside of clusters one machine."""
    lengths: dict[str, list[Lengths]] = {}
    dead: dict[str, int] = {}
    same: list[str] = []
    answers: dict[str, list[Answers]] = {}
    machines: Counter[str] = Counter()
    shared = Notes(leakage, lengths, dead, searches or {}, same, machines=machines)
    for record in records:
        made_from = record.provenance
        shared = replace(
            shared,
            source=task_files.words(record.spec.task)[0],
            labelled=task_files.labelled(record.spec.task),
            environment=record.environment,
            model_revision=made_from.model_revision,
            data_revision=made_from.data_revision,
            data_hash=made_from.data_hash,
            date=max(filter(None, (shared.date, made_from.date)), default=None),
        )
        if record.environment:
            machines[record.environment.device_name] += 1
        if record.scores:
            lengths.setdefault(record.spec.method, []).append(record.outputs.lengths)
            if record.outputs.answers:
                answers.setdefault(record.spec.method, []).append(record.outputs.answers)
            if record.cost.dead_parameters:
                dead[record.spec.method] = record.cost.dead_parameters
        if record.status == Status.OK and record.checks.same_as_zero_shot and record.spec.method not in same:
            same.append(record.spec.method)
    return replace(shared, invalid={method: _invalid(group) for method, group in answers.items()})


def line(notes: Notes) -> str:
    """All problems on one line; empty if there are none."""
    return "; ".join(problems(notes))


def problems(notes: Notes) -> list[str]:
    """All problems, one phrase each."""
    parts = []
    if notes.leakage and (notes.leakage.exact or notes.leakage.near):
        parts.append(_leaked(notes.leakage, notes.source))
    for name, title in SHARE_TITLES.items():
        shares = {method: _share(group, name) for method, group in notes.lengths.items()}
        if any(shares.values()):
            parts.append(f"{title}: {_by_method(shares)}")
    if any(notes.invalid.values()):
        parts.append(f"{INVALID}: {_by_method(notes.invalid)}")
    parts += [f"{method}: {count:,} trainable parameters never got a gradient" for method, count in notes.dead.items()]
    if notes.same:
        parts.append(f"weights changed, but all labels of a run are zero_shot's: {', '.join(notes.same)}")
    return [*parts, *_searched(notes.searches), *_machines(notes.machines)]


def section(notes: Notes) -> str:
    """The notes as Markdown, including the figures that show no problem."""
    parts = ["## Leakage and lengths"]
    parts += [f"{_leaked(notes.leakage, notes.source)}."] if notes.leakage else []
    parts += _lengths(notes) if notes.lengths else []
    parts += _rates(notes.searches) if notes.searches else []
    return "\n\n".join(parts)


def _lengths(notes: Notes) -> list[str]:
    """A sentence about the task, which is the same for all methods, and a table of the methods."""
    everyone = [each for group in notes.lengths.values() for each in group]
    prompts, targets = _share(everyone, "prompts_truncated"), _share(everyone, "targets_truncated")
    mean = fmean(each.words_reference for each in everyone)
    words = "" if notes.labelled else f"The references have {mean:.1f} words on average. "
    cells = [
        [
            method,
            *([] if notes.labelled else [f"{fmean(each.words_out for each in group):.1f}"]),
            _percent([each.outputs_cut for each in group]),
            f"{_share(group, 'outputs_empty'):.1%}",
            *([_percent([notes.invalid.get(method)])] if notes.invalid else []),
            f"{notes.dead.get(method, 0):,}",
        ]
        for method, group in notes.lengths.items()
    ]
    shares = [*(SHARE_TITLES[name] for name in ("outputs_cut", "outputs_empty")), *([INVALID] if notes.invalid else [])]
    titles = ["method", *([] if notes.labelled else ["words"]), *shares, "parameters without gradient"]
    align = ["left", *["right"] * (len(titles) - 1)]
    return [
        f"{words}Cut to the suite's limits: {prompts:.1%} of the prompts, {targets:.1%} of the training targets.",
        tabulate(cells, titles, tablefmt="github", colalign=align, disable_numparse=True),
    ]


def _rates(searches: Mapping[str, Search]) -> list[str]:
    """How each method's learning rate was found."""
    cells = [
        [
            method,
            "its own" if search.learning_rate is None else f"{search.learning_rate:g}",
            f"{sum(trial.status == Status.OK for trial in search.trials)} of {len(search.trials)}",
            ", ".join(
                _outcome(trial, search.metric) for trial in sorted(search.trials, key=lambda trial: trial.multiplier)
            ),
        ]
        for method, search in searches.items()
    ]
    title = " or ".join(dict.fromkeys(search.metric.title for search in searches.values()))
    titles = ["method", "learning rate", "trials that are ok", f"{title} on validation rows, by rising learning rate"]
    text = tabulate(cells, titles, tablefmt="github", colalign=["left", *["right"] * 3], disable_numparse=True)
    tested = any(trial.p_value is not None for search in searches.values() for trial in search.trials)
    rule = [RATE_RULE] if tested else []  # older searches took the best trial
    return ["## Learning rates", *rule, text, *(f"{each[0].upper()}{each[1:]}." for each in _searched(searches))]


def _outcome(trial: Trial, metric: Metric) -> str:
    """The trial's score, with the p-value of its being better than the method's own rate."""
    if trial.score is None:
        return str(trial.status)
    return metric.shown(trial.score) + (f" (p {trial.p_value:.2g})" if trial.p_value is not None else "")


def _searched(searches: Mapping[str, Search]) -> list[str]:
    """Problems of the searches: no trial succeeded, or a better learning rate may lie beyond those tried."""
    nothing = [method for method, search in searches.items() if search.learning_rate is None]
    edge = [method for method, search in searches.items() if search.at_edge]
    parts = (
        [f"no trial of a search succeeded, so the learning rate was left unchanged: {', '.join(nothing)}"]
        if nothing
        else []
    )
    parts += (
        [f"a better learning rate may lie beyond those that were tried (search.spread): {', '.join(edge)}"]
        if edge
        else []
    )
    return parts


def _machines(counts: Mapping[str, int]) -> list[str]:
    """Which machines executed the runs, if there is more than one kind."""
    words = ", ".join(f"{count:,} on {name}" for name, count in counts.items())
    return [f"the runs were executed on different machines: {words}"] if len(counts) > 1 else []


def _leaked(leakage: Leakage, source: str) -> str:
    return (
        f"Of {leakage.test:,} test {source}s, {leakage.exact:,} are in the training split "
        f"and {leakage.near:,} are nearly equal to one in it"
    )


def _invalid(group: Sequence[Answers]) -> float:
    """The share of invalid answers in all seeds together."""
    invalid = sum(each.invalid for each in group)
    return invalid / max(1, invalid + sum(each.valid for each in group))


def _by_method(shares: Mapping[str, float]) -> str:
    """``lora 5%, dora 7%``, or ``5%`` if all methods have the same share."""
    texts = {method: f"{share:.0%}" if share >= 0.01 else f"{share:.1%}" for method, share in shares.items() if share}
    same = len(texts) == len(shares) and len(set(texts.values())) == 1
    return next(iter(texts.values())) if same else ", ".join(f"{method} {text}" for method, text in texts.items())


def _percent(shares: Sequence[float | None]) -> str:
    """The mean of the known shares; a dash if there are none, because nothing was generated that could be cut."""
    known = [share for share in shares if share is not None]
    return f"{fmean(known):.1%}" if known else "–"


def _share(group: Sequence[Lengths], name: str) -> float:
    return fmean(getattr(each, name) or 0.0 for each in group)
