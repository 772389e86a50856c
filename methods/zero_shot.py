"""Zero-shot: the base model as it is; every other row is read against this one."""

from harness.method import Method, Seq2Seq


class ZeroShot(Method):
    trains = False

    def build(self, base: Seq2Seq) -> Seq2Seq:
        return base.requires_grad_(False)
