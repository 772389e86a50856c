"""(d) Our scores and interval compared with ``rouge_score`` and its bootstrap, on the same pairs.

1,500 pairs: 500 texts with three references each. Both give every example's F1 of four ROUGE types and a 95% interval
of each mean. Also prints whether all scores agree to 1e-12.

    python -m benchmarks.scoring --data FILE
"""

from collections.abc import Sequence
from random import Random

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.scoring import BootstrapAggregator

from benchmarks.figures import clocked, show
from benchmarks.setting import first, parser
from harness.metrics.rouge.metric import NAMES, rouge
from harness.metrics.rouge.rouge import sentences
from harness.ranking import intervals
from harness.spec.suite import TaskTable
from harness.tasks import data


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both, and print seconds and the ratio."""
    options = parser(__doc__)
    options.add_argument("--texts", type=int, default=500)
    asked = options.parse_args(arguments)
    splits = data.load(TaskTable(name="dialogsum", data=asked.data))
    rows = first([row for split in ("train", "test") for row in splits[split]], asked.texts)
    rng = Random(0)
    texts = [" ".join(rng.sample(row.source.splitlines(), k=min(3, row.source.count("\n") + 1))) for row in rows]
    references = [[row.target, rng.choice(rows).target, row.source.splitlines()[0]] for row in rows]
    theirs: dict[str, list[float]] = {name: [] for name in NAMES}
    mine: dict[str, list[float]] = {name: [] for name in NAMES}

    def reference() -> None:
        scorer, aggregator = RougeScorer(NAMES, use_stemmer=True), BootstrapAggregator()
        for text, group in zip(texts, references, strict=True):
            for each in group:
                scores = scorer.score(sentences(each), sentences(text))
                aggregator.add_scores(scores)
                for name in NAMES:
                    theirs[name].append(scores[name].fmeasure)
        aggregator.aggregate()

    def ours() -> None:
        for mean, _ in rouge(texts, references):
            for name in NAMES:
                mine[name].append(mean[name])
        for name in NAMES:
            intervals.interval(intervals.sample(np.array([mine[name]]), trains=False))

    slow, fast = clocked(reference), clocked(ours)
    means = {name: np.array(theirs[name]).reshape(len(texts), -1).mean(1) for name in NAMES}
    error = max(float(np.abs(means[name] - np.array(mine[name])).max()) for name in NAMES)
    show(
        f"{len(texts):,} texts, {sum(map(len, references)):,} pairs, four ROUGE types with 95% intervals",
        [
            ("rouge_score and its bootstrap", f"{slow:.2f} s"),
            ("harness", f"{fast:.2f} s"),
            ("ratio", f"{slow / fast:.1f}"),
            ("largest difference of an F1", f"{error:.0e}"),
        ],
    )


if __name__ == "__main__":
    main()
