"""The clock that pytest-benchmark reads: only training moves it."""


class TrainClock:
    """The timer that pytest-benchmark reads: it stands still but for the training seconds of each run."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


CLOCK = TrainClock()
