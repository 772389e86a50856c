"""Output layer only: the classic linear probe, for a language model."""

from collections.abc import Iterable

from harness.method import Method, Model, Unsupported, parts, train_modules


class LmHead(Method):
    learning_rate = 1e-2

    def build(self, base: Model) -> Model:
        found = parts(base)
        heads, embeddings = (_weights(base, found.modules(role)) for role in ("head", "embedding"))
        if heads & embeddings:
            raise Unsupported("the output layer is tied to the input embedding, so it cannot be trained alone")
        return train_modules(base, found.modules("head"))


def _weights(base: Model, modules: Iterable[str]) -> set[int]:
    return {id(base.get_submodule(name).weight) for name in modules}
