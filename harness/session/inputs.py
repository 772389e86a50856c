"""What a session is given, looked at before torch is loaded, and the base model as it was checked."""

from ..spec.errors import UsageError
from ..spec.paths import expanded
from ..spec.suite import EMBEDDED, ModelTable, Suite


def check_paths(suite: Suite) -> None:
    """Raise ``UsageError`` for what can only be a path and does not exist, before torch is loaded for it."""
    from ..models import hub

    for kind, name in {"model": suite.model.name, "data": suite.task.data}.items():
        try:
            hub.local(name)
        except hub.Unavailable as error:
            raise UsageError(f"{kind} {name!r}: {error}") from error


def exactly(model: ModelTable, revision: str) -> ModelTable:
    """The model that was checked, wherever a run looks for it from and however its branch moves on."""
    if model.name == EMBEDDED:
        return model
    path = expanded(model.name)
    return ModelTable(name=str(path.absolute())) if path.exists() else ModelTable(name=model.name, revision=revision)
