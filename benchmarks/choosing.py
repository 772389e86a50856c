"""(i) Choosing among 77 labels compared with one forward pass for each pair of a prompt and a label.

45 of the labels begin with the same word. Plain ``transformers`` computes each pair alone, for fewer prompts since it
takes long; each side has a process of its own, and its first prompt is answered once before, which is not counted. Also
prints for how many of the prompts that both have answered they choose the same label.

    python -m benchmarks.choosing --family causal --data FILE --prompts 32 --alone 2
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import torch

from benchmarks.figures import clocked, show
from benchmarks.random_checkpoints import SHAPES
from benchmarks.setting import OURS, Workload, apart, first, parser, setting
from harness.models import label_tokens
from harness.models.family import Encoded
from harness.training import choosing, likelihood

LABELS, ALIKE = 77, 45  # how many there are, and how many begin with the same word


class Chosen(NamedTuple):
    """The labels that were chosen for the prompts, and how long that took."""

    labels: list[int]
    seconds: float

    @property
    def rate(self) -> float:
        """Prompts per second."""
        return len(self.labels) / self.seconds


def labels_of(texts: Sequence[str]) -> list[str]:
    """Different labels of two or three words that occur in these texts."""
    words, rng = sorted({word.lower() for text in texts for word in text.split() if word.isalpha()}), Random(0)
    common, *others = rng.sample(words, len(words))
    pairs = [f"{one} {other}" for one in others for other in others if one != other]
    drawn = rng.sample(pairs, LABELS)
    return [f"{common} {pair}" for pair in drawn[:ALIKE]] + drawn[ALIKE:]


def alone(job: Workload, prompts: Sequence[str], labels: Sequence[str]) -> Chosen:
    """A forward pass for each pair, the highest mean of its label's log-probabilities for each prompt."""
    model = job.plain().eval()
    chosen: list[int] = []

    @torch.no_grad()
    def loss(row: Encoded) -> float:
        batch = {name: each.to(job.device) for name, each in job.family.batch([row]).items()}
        return float(model(**batch).loss)

    def answer(prompts: Sequence[str]) -> None:
        for prompt, source in zip(prompts, job.family.prompt_ids(prompts), strict=True):
            (targets,) = label_tokens.by_space(labels, job.family, [prompt]).values()
            scores = [-loss(likelihood.encoded(source, target)) for target in targets]
            chosen.append(scores.index(max(scores)))

    answer(prompts[:1])
    seconds = clocked(lambda: answer(prompts), job.finish)
    return Chosen(chosen[1:], seconds)


def together(job: Workload, prompts: Sequence[str], labels: Sequence[str]) -> Chosen:
    """The same with the harness."""
    model = job.base()
    choosing.choose(model, job.family, prompts[:1], labels)
    chosen: list[int] = []
    seconds = clocked(lambda: chosen.extend(choosing.choose(model, job.family, prompts, labels)), job.finish)
    return Chosen(chosen, seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both, and print rates and ratio."""
    options = parser(__doc__, families=[*SHAPES])
    options.add_argument("--prompts", type=int, default=32)
    options.add_argument("--alone", type=int, default=2, help="of these prompts, one pass for each pair (default: 2)")
    asked = options.parse_args(arguments)
    with setting(asked) as job:
        prompts = [question.prompt for question in job.task(first(job.rows, asked.prompts)).questions]
        labels = labels_of([row.source for row in job.rows])
        theirs = apart({}, alone, job, prompts[: asked.alone], labels)
        mine = apart(OURS, together, job, prompts, labels)
    same = sum(a == b for a, b in zip(theirs.labels, mine.labels, strict=False))
    rows = [
        (name, f"{len(each.labels)} prompts   {each.seconds:.1f} s   {each.rate:,.2f} prompts/s")
        for name, each in (("one pass for each pair", theirs), ("together", mine))
    ]
    figures = [("ratio", f"{mine.rate / theirs.rate:.1f}"), ("choices that are the same", f"{same} of {asked.alone}")]
    show(f"{len(prompts)} prompts, {LABELS} labels, {job.family.name}", rows + figures)


if __name__ == "__main__":
    main()
