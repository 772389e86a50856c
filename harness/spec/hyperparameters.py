"""The values that a method's hyper-parameters may have: their types and bounds.

A hyper-parameter has the type of its annotation, or else of its default. Its bounds are in the annotation, as in
``share: Annotated[float, Field(gt=0, le=1)] = 0.5``, or else in ``BOUNDS`` under its name. All numbers are finite.
"""

import sys
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, Final, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from .errors import closest

COUNT, POSITIVE, SHARE = Field(ge=1), Field(gt=0), Field(ge=0, le=1)
BOUNDS: Mapping[str, Any] = {  # of numbers whose annotation has no bounds
    "learning_rate": POSITIVE,
    "weight_decay": Field(ge=0),
    "warmup": SHARE,  # of the budget
    "max_grad_norm": POSITIVE,
    **dict.fromkeys(("rank", "r", "initial_rank", "subspace_rank"), COUNT),
    **dict.fromkeys(("alpha", "lora_alpha"), POSITIVE),
    **dict.fromkeys(("dropout", "lora_dropout"), Field(ge=0, lt=1)),
    **dict.fromkeys(("virtual_tokens", "layers", "blocks", "block_size", "groups", "group_size", "experts"), COUNT),
}
STRICT_CONFIG = ConfigDict(strict=True, allow_inf_nan=False)
MAX_VALUE_CHARACTERS = 80  # in a message


def is_one(value: object) -> bool:
    """Whether a public class attribute with this value is a hyper-parameter: a scalar, or a list or tuple of them."""
    if isinstance(value, list | tuple):
        return all(isinstance(each, bool | int | float | str) for each in value)
    return isinstance(value, bool | int | float | str)


def problems(cls: type, known: Mapping[str, Any], overrides: Mapping[str, Any], *, table: str, file: str) -> list[str]:
    """The problems with a class's values, both the ``known`` ones in its file and a suite's; one line each."""
    found = []
    for name, value in {**known, **overrides}.items():
        where = f"{table} {name}" if name in overrides else f"{file}: {cls.__name__}.{name}"
        if name not in known:
            hint = closest(name, known)
            found.append(f"{where}: {cls.__name__} has no such hyper-parameter{hint} It has {', '.join(known)}")
        elif flaw := _flaw(cls, name, known[name], value):
            found.append(f"{where}: {flaw}, got {_shown(value)}")
    return found


def like(default: Any, value: Any) -> Any:
    """A suite's value in the type of the default: TOML has lists only, and a class may use a tuple."""
    return tuple(value) if isinstance(default, tuple) and isinstance(value, list) else value


def _flaw(cls: type, name: str, default: Any, value: Any) -> str | None:
    try:
        _validator(cls, name, default).validate_python(like(default, value))
    except ValidationError as error:
        return " or ".join(dict.fromkeys(_sentence(each["loc"], each["msg"]) for each in error.errors()))
    return None


def _validator(cls: type, name: str, default: Any) -> TypeAdapter[Any]:
    if hint := _annotation(cls, name):
        try:
            return TypeAdapter(_bounded(hint, name), config=STRICT_CONFIG)
        except (PydanticUserError, TypeError):  # an annotation that only a type checker understands
            pass
    return TypeAdapter(_bounded(_type_of(default), name), config=STRICT_CONFIG)


def _annotation(cls: type, name: str) -> Any:
    """The annotation of one attribute, read alone, so that names known only to type checkers affect no others."""
    owner = next((base for base in cls.__mro__ if name in vars(base).get("__annotations__", {})), None)
    if owner is None:
        return None
    alone = SimpleNamespace(__annotations__={name: vars(owner)["__annotations__"][name]})
    try:
        hint = get_type_hints(alone, vars(sys.modules[owner.__module__]), include_extras=True)[name]
    except (NameError, TypeError, AttributeError, SyntaxError):
        return None
    qualified = hint in (ClassVar, Final) or get_origin(hint) in (ClassVar, Final)
    return next(iter(get_args(hint)), None) if qualified else hint


def _bounded(kind: Any, name: str) -> Any:
    return Annotated[kind, BOUNDS[name]] if kind in (int, float) and name in BOUNDS else kind


def _type_of(default: Any) -> Any:
    if isinstance(default, tuple):
        return tuple[_of_any(default), ...]  # type: ignore[misc]
    return list[_of_any(default)] if isinstance(default, list) else type(default)  # type: ignore[misc]


def _of_any(values: Sequence[Any]) -> Any:
    """The types of these scalars, or all scalar types if there are none."""
    kinds = tuple(dict.fromkeys(type(each) for each in values))
    return Union[kinds or (bool, int, float, str)]  # noqa: UP007 (of any number of types)


def _sentence(place: Sequence[int | str], message: str) -> str:
    sentence = message.removeprefix("Input ")
    items = [f"item {part + 1} " for part in place if isinstance(part, int)]
    return f"{''.join(items)}{sentence[0].lower()}{sentence[1:]}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}…"
