"""Cannot attach to any encoder-decoder model, and says so."""

from harness.method import Method, Unsupported


class IsUnsupported(Method):
    def build(self, base):
        raise Unsupported("needs a decoder-only model")
