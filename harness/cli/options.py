"""The options of the bake-off, and what they request."""

import re
from argparse import SUPPRESS
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from ..spec.errors import UsageError
from ..spec.paths import expanded, pinned

if TYPE_CHECKING:
    from ..spec.plan import Request
    from ..spec.registry import Plugin
    from ..spec.suite import Suite

REQUEST: "pytest.StashKey[Request]" = pytest.StashKey()  # what any kind of session is asked for
DEVICE = re.compile(r"(cpu|cuda|mps|xpu)(:\d+)?")
AUTO = "auto"
KINDS = (
    "--gate",
    "--update-baseline",
    "--resume",
    "--search",
    "--against",
    "--gate-selftest",
    "--fit",
    "--serve",
)  # kinds of session


def add(parser: pytest.Parser) -> None:
    """Register the options with pytest."""
    group = parser.getgroup("tuneoff", "fine-tuning bake-off")
    group.addoption("--benchmark", action="store_true", help="run the suite's methods instead of the tests")
    group.addoption("--suite", metavar="NAME|FILE", default="embedded", help="the suite to run (default: embedded)")
    group.addoption("--model", metavar="NAME[@REVISION]", help="hub id or folder to use instead of the suite's model")
    group.addoption("--data", metavar="NAME[@REVISION]", help="hub id, folder or file, instead of the suite's data")
    group.addoption("--seeds", metavar="N,N,...", help="the seeds to run, instead of the suite's")
    group.addoption(
        "--search",
        metavar="TRIALS",
        type=int,
        help="number of learning rates to try per method on validation rows before the runs "
        "(0: none, whatever the suite says)",
    )
    group.addoption("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: the best available)")
    group.addoption(
        "--jobs",
        metavar="N|auto",
        default="1",
        help="number of runs to execute in parallel (default: 1), or auto: one per GPU, or as many as the processors "
        "and the memory allow; times of runs that share a device are not comparable",
    )
    group.addoption(
        "--cluster",
        metavar="ADDRESS|auto",
        help="execute the runs on the nodes of a Ray cluster (auto: the one that is running, or else one started on "
        "this machine)",
    )
    group.addoption(
        "--keep",
        metavar="none|best|all",
        choices=("none", "best", "all"),
        help="which trained models to keep in checkpoints/ beside the results, for use without Tuneoff: all (of every "
        "run that is ok), best (only the best seed's of the method with the best mean score), or none (default: the "
        "suite's)",
    )
    group.addoption("--resume", action="store_true", help="reuse stored runs that are ok and unchanged")
    group.addoption(
        "--results", metavar="DIR", help="where results go (default: results/local/ in pytest's root folder)"
    )
    _add_comparisons(group)
    group.addoption("--serve", metavar="DESCRIPTOR", type=int, help=SUPPRESS)  # for the sessions of --against
    for kind in ("method", "metric", "task"):
        parser.addini(f"{kind}_paths", f"folders with this project's {kind} files", type="paths", default=[])


def _add_comparisons(group: pytest.OptionGroup) -> None:
    """Register the options that compare results, and those that show what training would see and need."""
    group.addoption("--gate", action="store_true", help="fail if there is no baseline or nothing was compared")
    group.addoption(
        "--update-baseline", action="store_true", help="accept this session's rows as the baseline for later sessions"
    )
    group.addoption(
        "--even-in-ci",
        action="store_true",
        help="allow --update-baseline even if the environment variable CI is set",
    )
    group.addoption(
        "--against",
        metavar="REF",
        help="compare times and counts with those of another git revision, alternating runs of the two",
    )
    group.addoption(
        "--gate-selftest", action="store_true", help="test the gate on an unchanged method and on methods made worse"
    )
    group.addoption(
        "--fit",
        action="store_true",
        help="say how much memory each method needs, and which micro batch fits, after a few steps of each; no run",
    )
    group.addoption(
        "--show-example",
        action="store_true",
        help="print the first training example token by token, with what counts for the loss, and run nothing",
    )


def kinds(config: pytest.Config) -> list[str]:
    """The given options that each select another kind of ``--benchmark`` session."""
    return [name for name in KINDS if config.getoption(name.strip("-").replace("-", "_")) not in (False, None)]


def request(config: pytest.Config) -> "Request":
    """What the options request, after checking that all of the suite's methods exist; loads and writes nothing."""
    from ..spec import plan

    device, cluster, resumes = (config.getoption(name) for name in ("device", "cluster", "resume"))
    chosen, jobs = suite(config), _jobs(config)
    folders = results(config, chosen.name)
    own = metrics(config)
    how = {"device": device, "jobs": jobs, "cluster": cluster, "resumes": resumes}
    return plan.request(chosen, plugins(config), *folders, metrics=own, **how)


def suite(config: pytest.Config) -> "Suite":
    """The named suite, with the keys that other options override."""
    from ..spec import suite as suites

    _check_values(config)
    return suites.load(config.getoption("suite"), _overrides(config), config.getini("task_paths"))


def results(config: pytest.Config, suite: str) -> tuple[Path, Path | None]:
    """The folder for results and, by default, the folder of published results, which include the baseline."""
    from ..spec.suite import LOCAL

    if chosen := config.getoption("results"):
        return expanded(chosen).absolute(), None
    published = config.rootpath / "results"
    if suite == LOCAL:
        raise UsageError(f"suite {suite!r}: {published / LOCAL} has the results of all suites; rename the suite's file")
    return published / LOCAL, published


def plugins(config: pytest.Config) -> "dict[str, Plugin]":
    """The methods of Tuneoff, of this project and of installed packages."""
    from ..spec import registry

    return registry.discover(folders(config))


def metrics(config: pytest.Config) -> "dict[str, Plugin]":
    """The metrics of this project and of installed packages."""
    from ..spec import registry

    return registry.discover(config.getini("metric_paths"), registry.METRICS)


def folders(config: pytest.Config) -> list[Path]:
    """The folders with this project's own methods."""
    return list(config.getini("method_paths"))


def passed_over(config: pytest.Config) -> str:
    """The header line about files in those folders that define no method; empty if there are none."""
    from ..spec import registry

    found = [f"{relative(path, config.rootpath)}" for path in registry.passed_over(folders(config))]
    return f"tuneoff: skipped files without a class derived from Method: {', '.join(found)}" if found else ""


def relative(path: Path, root: Path) -> Path:
    """The path as shown: relative to pytest's root folder if it is below that."""
    return path.relative_to(root) if path.is_relative_to(root) else path


def check(request: "Request") -> None:
    """Raise the ``UsageError`` that the suite's model, its data or the device would cause in every run."""
    from ..session.bakeoff import Selection, begin

    with TemporaryDirectory(prefix="tuneoff-check-") as folder:
        begin(replace(request, results=Path(folder), published=None), Selection()).close()


@contextmanager
def as_pytest_says() -> Iterator[None]:
    """Convert a ``UsageError`` into pytest's own: each line begins with ``ERROR:``, and the exit code is 4."""
    try:
        yield
    except UsageError as error:
        raise pytest.UsageError(*str(error).splitlines()) from error


def runs_nothing(session: pytest.Session) -> bool:
    """Whether this session needs no check of the model: its items are only listed, or it has none."""
    option = session.config.option
    broken = session.testsfailed and not option.continue_on_collection_errors
    return not session.items or option.collectonly or getattr(option, "setupplan", False) or bool(broken)


def refuse_beside(config: pytest.Config, option: str) -> None:
    """Raise ``UsageError`` if another option is given that cannot be combined with this one."""
    refuse_other_kinds(config, option)
    for name in ("jobs", "cluster"):
        if config.getoption(name) not in ("1", None):
            raise UsageError(f"{option} executes one run at a time, since it compares times; leave out --{name}")
    if config.getoption("keep"):
        raise UsageError(f"{option} keeps no results, and so no models; leave out --keep")


def refuse_other_kinds(config: pytest.Config, option: str) -> None:
    """Raise ``UsageError`` if another kind of session is asked for, too."""
    if strangers := [name for name in kinds(config) if name != option]:
        raise UsageError(f"{option} cannot be combined with {', '.join(strangers)}; leave out all but one")


def _overrides(config: pytest.Config) -> dict[str, dict[str, Any]]:
    """The suite keys that the command line overrides, by table."""
    seeds, model, data, trials, keep = (config.getoption(name) for name in ("seeds", "model", "data", "search", "keep"))
    return {
        "run": ({"seeds": _seeds(seeds)} if seeds else {}) | ({"keep": keep} if keep else {}),
        "model": dict(zip(("name", "revision"), pinned("--model", model), strict=True)) if model else {},
        "task": dict(zip(("data", "revision"), pinned("--data", data), strict=True)) if data else {},
        "search": {"trials": trials} if trials is not None else {},
    }


def _check_values(config: pytest.Config) -> None:
    """Raise ``UsageError`` for values that are invalid with any suite and on any machine."""
    for name in ("suite", "model", "data", "seeds", "device", "results", "against", "jobs", "cluster"):
        if config.getoption(name) == "":
            raise UsageError(f"--{name}= is empty; give it a value, or leave it out")
    device = config.getoption("device")
    if device and not DEVICE.fullmatch(device):
        raise UsageError(f"--device={device}: not available here; try cpu, cuda, cuda:1 or mps")
    if config.getoption("cluster") and _jobs(config) != 1:
        raise UsageError("--cluster starts as many runs as the nodes have room for; leave out --jobs")


def _jobs(config: pytest.Config) -> int | None:
    """The number of runs at a time; ``None`` for ``auto``."""
    text: str = config.getoption("jobs")
    if text == AUTO:
        return None
    if not (text.isdecimal() and int(text)):
        raise UsageError(f"--jobs={text}: expected a whole number of 1 or more, or {AUTO}")
    return int(text)


def _seeds(text: str) -> Sequence[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds={text}: expected whole numbers such as 0,1,2") from error
