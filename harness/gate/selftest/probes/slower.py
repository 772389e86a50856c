"""The honest method with steps that take longer."""

from time import perf_counter

from harness.gate.selftest.probes.honest import Honest
from harness.method import Seq2Seq


class Slower(Honest):
    """Waits after each step for a share of the time that the step took."""

    share = 0.2
    _ended = 0.0  # when the last wait did

    def after_step(self, model: Seq2Seq, *step: object) -> None:
        """Be busy: a process that sleeps would be slower on some machines for other reasons, too."""
        now = perf_counter()
        until = now + self.share * (now - self._ended) if self._ended else now
        while perf_counter() < until:
            pass
        self._ended = perf_counter()
