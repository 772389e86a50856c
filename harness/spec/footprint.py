"""The memory that a method's run needs, as a few steps on its longest batch have shown."""

from .block import Block

SAFE_SHARE = 0.95  # of the memory there is; what is free is in pieces, and not all of them can be used


class Footprint(Block):
    """What a run needs in bytes: of its GPU, or else of main memory for its process.

    A training step needs ``least`` bytes even for one row, for gradients and the optimiser. Its activations grow with
    the rows that the model sees at once: with what is there beside them, they need ``fixed`` bytes, and ``per_row`` for
    each of up to ``rows`` rows. If there is a ``reason`` why the method could not be tried to its end, everything
    unknown is zero.
    """

    key: str = ""  # hash of what it was found for
    weights: int = 0
    gradients: int = 0
    optimizer: int = 0
    libraries: int = 0  # torch and the others in main memory; none on a GPU
    elsewhere: int = 0  # the peak of loading, building and answering
    least: int = 0
    fixed: int = 0
    per_row: int = 0
    rows: int = 1  # of the longest batch
    batch_size: int = 1
    room: int = 0  # what the device has for runs
    trains: bool = False
    splits_batches: bool = True  # whether the model may see a batch in parts
    exhausted: bool = False  # memory did not suffice, so it needs more than this
    unsupported: bool = False
    reason: str | None = None

    @property
    def known(self) -> bool:
        """Whether the method was tried to its end, or to the end of the memory."""
        return self.reason is None or self.exhausted

    def training(self, rows: int | None = None) -> int:
        """The peak of a training step in which the model sees so many rows at once; all of a batch by default.

        In parts of a batch, the gradients of earlier parts stay beside the activations of the next.
        """
        seen = min(rows or self.batch_size, self.rows)
        earlier = self.gradients if seen < self.rows else 0
        return max(self.least, self.fixed + self.per_row * seen + earlier) if self.trains else 0

    def peak(self, rows: int | None = None) -> int:
        """The peak of a whole run, without the checks after training."""
        return max(self.elsewhere, self.training(rows))

    def activations(self, rows: int | None = None) -> int:
        """What a training step needs beside weights, gradients, optimiser and libraries."""
        known = self.libraries + self.weights + self.gradients + self.optimizer
        return max(0, self.training(rows) - known)

    def needed(self, rows: int | None = None) -> int:
        """The peak of a whole run with its checks, which load the base model a second time."""
        return max(self.peak(rows), self.libraries + 2 * self.weights if self.trains else 0)

    def fits(self, rows: int | None = None, runs: int = 1) -> bool:
        """Whether so many such runs fit on the device at a time."""
        return not self.exhausted and self.needed(rows) * runs <= SAFE_SHARE * self.room

    def largest(self, runs: int = 1) -> int | None:
        """The largest micro batch that fits: a divisor of the batch size, and all of it if it must not be divided."""
        divisors = [rows for rows in range(self.batch_size, 0, -1) if self.batch_size % rows == 0]
        allowed = divisors if self.splits_batches else divisors[:1]
        return next((rows for rows in allowed if self.fits(rows, runs)), None)
