"""The contract of a metric, for authors: a file has a class derived from ``Scorer``, and docs/metrics.md an example."""

from .metrics.scoring import Scorer
from .spec.metric import Direction, Likelihood, Metric, Needs

__all__ = ["Direction", "Likelihood", "Metric", "Needs", "Scorer"]
