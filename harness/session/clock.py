"""The clock that pytest-benchmark reads: it counts training seconds only."""


class TrainClock:
    """A timer that advances only by the training seconds of each run."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


CLOCK = TrainClock()
