"""Zero-shot: the base model as it is; every other row is read against this one."""

from harness.method import UntrainedMethod


class ZeroShot(UntrainedMethod):
    pass
