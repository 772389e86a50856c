"""The honest method with steps that take longer."""

from time import perf_counter

from harness.gate.selftest.probes.honest import Honest
from harness.method import Model


class Slower(Honest):
    """After each step, waits for a share of the time that the step took."""

    share = 0.2
    _ended = 0.0  # when the last wait ended

    def after_step(self, model: Model, *step: object) -> None:
        """Wait in a busy loop, because sleeping would slow the process down further on some machines."""
        now = perf_counter()
        until = now + self.share * (now - self._ended) if self._ended else now
        while perf_counter() < until:
            pass
        self._ended = perf_counter()
