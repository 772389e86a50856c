"""Cannot be imported."""

from harness.method import Method

raise RuntimeError("no licence found")


class RaisesAtImport(Method):
    pass
