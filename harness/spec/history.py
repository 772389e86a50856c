"""How a run went, step by step, as records keep it."""

from collections.abc import Mapping

from .block import Block


class StepPoint(Block):
    """The state of training after an optimiser step."""

    step: int
    loss: float
    learning_rate: float | None = None


class EvaluationPoint(Block):
    """Scores on validation rows after ``step`` steps, by metric."""

    step: int
    scores: Mapping[str, float]


class History(Block):
    """How training went; empty if nothing was recorded."""

    steps: tuple[StepPoint, ...] = ()
    evaluations: tuple[EvaluationPoint, ...] = ()
