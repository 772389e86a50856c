"""Hyper-parameters keep their types and bounds, whether the suite sets them or the method's own file does."""

import math
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from harness.execute.local import LocalExecutor
from harness.method import Method
from harness.run import loader
from harness.spec import hyperparameters, registry
from harness.spec.registry import Plugin


class Mine(Method):
    rank = 8
    dropout = 0.1
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    kernel: Literal["dense", "sparse"] = "dense"
    alpha: float = 32  # whole by default, and need not be
    epochs: ClassVar[int] = 1
    modules = ["q", "v"]
    widths = (16, 32)
    mask: "torch.Tensor | None" = None  # noqa: F821 (a name for type checkers only)
    size: "torch.Tensor | int" = 4  # noqa: F821
    depth: Method | int = 4  # no type whose values a suite could hold


def problems(cls=Mine, **overrides):
    """What is wrong with a class under these overrides."""
    return hyperparameters.problems(cls, cls.hyperparameters(), overrides, table="[methods.mine]", file="mine.py")


def with_values(**values):
    """A class whose file has these values."""
    return type("Mine", (Mine,), values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 1),  # a whole number is a number
        ("learning_rate", 1e30),
        ("warmup", 0.0),
        ("warmup", 1),
        ("weight_decay", 0),
        ("rank", 1),
        ("dropout", 0),
        ("share", 1),
        ("kernel", "sparse"),
        ("alpha", 0.5),
        ("epochs", 3),
        ("modules", ["k"]),
        ("modules", []),
        ("widths", [8, 8, 8]),
        ("size", 8),
        ("depth", 8),
    ],
)
def test_a_value_that_fits_is_taken(name, value):
    assert problems(**{name: value}) == []


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("rank", 0, "should be greater than or equal to 1, got 0"),
        ("rank", -4, "should be greater than or equal to 1, got -4"),
        ("rank", True, "should be a valid integer, got True"),
        ("rank", 4.0, "should be a valid integer, got 4.0"),
        ("size", 4.5, "should be a valid integer, got 4.5"),
        ("depth", 4.5, "should be a valid integer, got 4.5"),
        ("rank", "4", "should be a valid integer, got '4'"),
        ("learning_rate", 0.0, "should be greater than 0, got 0.0"),
        ("learning_rate", -1e-3, "should be greater than 0, got -0.001"),
        ("learning_rate", math.nan, "should be a finite number, got nan"),
        ("learning_rate", math.inf, "should be a finite number, got inf"),
        ("learning_rate", "fast", "should be a valid number, got 'fast'"),
        ("learning_rate", True, "should be a valid number, got True"),
        ("learning_rate", {"start": 1}, "should be a valid number, got {'start': 1}"),
        ("weight_decay", -0.1, "should be greater than or equal to 0, got -0.1"),
        ("warmup", 100, "should be less than or equal to 1, got 100"),
        ("max_grad_norm", 0, "should be greater than 0, got 0"),
        ("dropout", 1.0, "should be less than 1, got 1.0"),
        ("share", 0.0, "should be greater than 0, got 0.0"),
        ("kernel", "fast", "should be 'dense' or 'sparse', got 'fast'"),
        ("alpha", 0, "should be greater than 0, got 0"),
        ("epochs", "1", "should be a valid integer, got '1'"),
        ("modules", "q", "should be a valid list, got 'q'"),
        ("modules", ["q", 3], "item 2 should be a valid string, got ['q', 3]"),
        ("widths", [8, -1.5], "item 2 should be a valid integer, got [8, -1.5]"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_would(name, value, complaint):
    assert problems(**{name: value}) == [f"[methods.mine] {name}: {complaint}"]


def test_a_long_value_is_shown_in_part():
    (line,) = problems(rank="8" * 10_000)
    assert len(line) < 200


def test_all_problems_are_told_at_once():
    assert len(problems(rank=0, warmup=-1, share=2)) == 3


def test_a_value_of_the_methods_own_file_is_held_against_the_same_bounds():
    assert problems(with_values(learning_rate=math.nan)) == [
        "mine.py: Mine.learning_rate: should be a finite number, got nan"
    ]


def test_a_wrong_value_that_the_suite_replaces_is_none():
    assert problems(with_values(rank=0), rank=8) == []


def test_bounds_that_a_method_declares_hold_in_place_of_those_of_the_name():
    class Stepwise(Method):
        warmup: Annotated[int, Field(ge=0)] = 100  # steps

    assert problems(Stepwise) == []
    assert problems(Stepwise, warmup=-1) == ["[methods.mine] warmup: should be greater than or equal to 0, got -1"]


def test_bounds_of_a_name_are_for_numbers():
    class Named(Method):
        rank = "full"
        alpha: "int | str" = "auto"

    assert problems(Named, rank="half") == []


def test_every_method_of_tuneoff_keeps_its_bounds():
    found = [line for plugin in registry.discover().values() for line in loader.problems(plugin, {})]
    assert found == []


def test_lists_are_recorded_as_they_were_when_the_run_began():
    recorded = Mine.hyperparameters()
    assert (recorded["modules"], recorded["widths"]) == (["q", "v"], (16, 32))
    assert recorded["modules"] is not Mine.modules


def test_a_list_of_a_suite_file_becomes_what_the_class_has(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from harness.method import Method\nclass Mine(Method):\n    widths = (8,)\n    build = print\n")
    assert loader.load(Plugin("mine", path), {"widths": [4, 4]}).widths == (4, 4)


def test_the_projections_of_lora_are_the_suites_to_choose():
    lora = registry.discover()["lora"]
    assert loader.load(lora, {"target_modules": ["q", "k", "v", "o"]}).target_modules == ["q", "k", "v", "o"]
    assert loader.problems(lora, {"target_modules": []}) == [
        "[methods.lora] target_modules: list should have at least 1 item after validation, not 0, got []"
    ]


# Methods are imported in a process of their own, which some of them do not survive.

HOSTILE = {
    "exits": "import os\nos._exit(0)\n",
    "leaves": "raise SystemExit('no licence')\n",
    "segfaults": "import ctypes\nctypes.string_at(0)\n",
    "forks": "import os\nos.fork()\n",
    "raises": "import no_such_package\n",
    "hangs": "import time\ntime.sleep(600)\n",
}


def test_methods_that_cannot_be_imported_keep_nobody_from_being_examined(tmp_path):
    def method(name, before=""):
        path = tmp_path / f"{name}.py"
        path.write_text(
            f"{before}from harness.method import Method\nclass Mine(Method):\n    rank = 8\n    build = print\n"
        )
        return Plugin(name, path), {"rank": 0}

    methods = []
    for name, source in HOSTILE.items():
        methods += [method(name, source), method(f"behind_{name}")]
    executor = LocalExecutor(tmp_path / "scratch")
    try:
        found = executor.examine(methods, patience=5).result()
    finally:
        executor.close()
    told = {line.split("]")[0].removeprefix("[methods.") for line in found}
    assert told == {"forks", *(f"behind_{name}" for name in HOSTILE)}
    assert len(found) == len(told)


def test_what_a_suite_changes_is_known_beside_the_methods_own_value():
    lora = registry.discover()["lora"]
    loaded = loader.load(lora, {"rank": 4, "learning_rate": 0.5})
    own = loader.load(lora, {}).hyperparameters()
    assert loader.defaults(loaded) == {name: own[name] for name in ("rank", "learning_rate")}
    assert loader.defaults(loader.load(lora, {"rank": own["rank"]})) == {}
