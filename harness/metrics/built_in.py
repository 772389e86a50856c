"""The metrics that come with Tuneoff."""

from collections.abc import Mapping
from typing import Final

from .accuracy import Accuracy
from .bleu import Bleu
from .chrf import Chrf
from .exact_match import ExactMatch
from .macro_f1 import MacroF1
from .perplexity import Perplexity
from .rouge.metric import RougeTypes
from .scoring import Scorer
from .token_f1 import TokenF1

SCORERS: Final[Mapping[str, Scorer]] = {
    "rouge": RougeTypes(),
    "bleu": Bleu(),
    "chrf": Chrf(),
    "exact_match": ExactMatch(),
    "token_f1": TokenF1(),
    "accuracy": Accuracy(),
    "macro_f1": MacroF1(),
    "perplexity": Perplexity(),
}

# What a suite may call them: a metric by its id, or all of a scorer's metrics by its name.
NAMES: Final = frozenset({*SCORERS, *(metric.id for scorer in SCORERS.values() for metric in scorer.metrics)})
