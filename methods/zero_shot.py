"""Zero-shot: the base model as it is; every other row is compared with it."""

from harness.method import UntrainedMethod


class ZeroShot(UntrainedMethod):
    pass
