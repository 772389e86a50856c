"""Token F1 as in SQuAD: how many words answer and reference share, apart from case, punctuation and articles."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from ..spec.metric import Metric
from . import squad
from .scoring import Scorer, Settled
from .scripts import unspaced

NOTICE = "token F1 compares single characters of scripts without spaces, as MLQA does"


class TokenF1(Scorer):
    """Token F1; of several references, the best counts."""

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(id="token_f1", title="token F1", legend="token F1 in points (SQuAD's normalisation)"),
    )

    def statistics(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
        """The F1 of the words."""
        pairs = zip(answers, references, strict=True)
        return [max(_f1(squad.words(text), squad.words(each)) for each in group) for text, group in pairs]

    def settled(self, asked: Mapping[str, str], references: Iterable[str]) -> Settled:
        """Token F1, and a notice if single characters are its words in some references."""
        odd = any(unspaced(reference) for reference in references)
        return Settled(self.metrics, {}, (NOTICE,) if odd else ())

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether anything is left of a reference."""
        return bool(squad.words(reference))

    def remedy(self, unread: Sequence[str], options: Mapping[str, str]) -> str:
        """Another metric."""
        return squad.unread("token F1")


def _f1(answer: Sequence[str], reference: Sequence[str]) -> float:
    same = (Counter(answer) & Counter(reference)).total()
    return 2 * same / (len(answer) + len(reference)) if same else 0.0
