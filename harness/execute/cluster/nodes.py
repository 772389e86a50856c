"""The nodes of a Ray cluster: which there are, which have what a run needs, and what runs find on them."""

import logging
import socket
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...spec.errors import UsageError
from ...spec.figures import changes
from ...spec.preflight import Preflight
from ...spec.record import Environment
from ...spec.suite import RunTable
from .. import machine
from . import node
from .node import Machine

AUTO = "auto"
CUDA = "cuda"
CONNECT_SECONDS = 10.0
RESOURCES = {"num_cpus": "CPU", "num_gpus": "GPU"}  # Ray's option of a task, and its name for what a node has

Node = Mapping[str, Any]  # as Ray describes it
Needs = Mapping[str, int]


def join(address: str, run: RunTable, device: str | None) -> Needs:
    """Join the cluster at this address; for ``auto``, the one that is running, or else one started here.

    Returns what Ray must set aside for each run. Raises ``UsageError`` if there is no cluster, or no node that has it.
    """
    _connect(address)
    try:
        return needs(run, device)
    except UsageError:
        ray.shutdown()
        raise


def _connect(address: str) -> None:
    if address != AUTO:
        _check_reachable(address)
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    with warnings.catch_warnings(action="ignore"):  # about Ray's own plans
        try:
            ray.init(address, **quiet)
        except ConnectionError as error:
            if address != AUTO:
                raise UsageError(f"--cluster={address}: {_line(error)}") from error
            ray.init("local", num_cpus=machine.cores(), include_dashboard=False, **quiet)
        except (ValueError, RuntimeError) as error:
            raise UsageError(f"--cluster={address}: {_line(error)}") from error


def _check_reachable(address: str) -> None:
    """Raise ``UsageError`` for an address at which nothing answers; Ray would wait there for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        expected = "expected the address that `ray start --head` prints, such as 10.0.0.1:6379, or auto"
        raise UsageError(f"--cluster={address}: nothing answers there ({error}); {expected}") from error


def needs(run: RunTable, device: str | None) -> Needs:
    """What Ray must set aside for a run: by default one processor, and one GPU if the cluster has any.

    Raises ``UsageError`` if no node has that.
    """
    has_gpus = any(each["Resources"].get("GPU", 0) for each in alive())
    usual = 1 if has_gpus and (device or CUDA).startswith(CUDA) else 0
    found = {"num_cpus": run.cpus or 1, "num_gpus": usual if run.gpus is None else run.gpus}
    if not any(fits(each, found) for each in alive()):
        there = "; ".join(f"{_name(each)} has {_words(_has(each))}" for each in alive())
        raise UsageError(f"--cluster: a run needs {_words(found)} (run.cpus, run.gpus), but no node has that: {there}")
    return found


def alive() -> list[Node]:
    """The nodes that Ray can reach."""
    return [each for each in ray.nodes() if each["Alive"]]


def fits(each: Node, needed: Needs) -> bool:
    """Whether a node has what a run needs, when nothing else is on it."""
    return all(_has(each)[name] >= count for name, count in needed.items())


def on(each: Node, function: Callable[..., Any], needed: Needs | None = None) -> Any:
    """Ray's remote form of a function, to be called on that node."""
    there = NodeAffinitySchedulingStrategy(each["NodeID"], soft=False)
    return ray.remote(function).options(**(needed or {"num_cpus": 0}), scheduling_strategy=there, max_retries=3)


def surveyed(here: Preflight, survey: Callable[[Node], Any], needed: Needs) -> Preflight:
    """What holds for runs on these nodes: what was found on this machine, with the environments of the nodes.

    Raises ``UsageError`` for a node whose versions differ from those of this machine.
    """
    asked = {_name(each): survey(each) for each in alive() if fits(each, needed)}
    found = list(filter(None, (_answer(name, reference) for name, reference in asked.items())))
    if not found:
        raise UsageError(f"--cluster: lost during the checks: {', '.join(asked) or 'all nodes'}")
    if different := list(filter(None, (_difference(here.environment, each) for each in found))):
        raise UsageError("\n".join([*different, "install the same versions on all nodes"]))
    attention = {"attention": here.environment.attention}
    machines = {each.environment.hash: each.environment.model_copy(update=attention) for each in found}
    first, *others = sorted(machines.values(), key=lambda each: (each.device_name, each.hash))
    return here.model_copy(update={"environment": first, "elsewhere": tuple(others)})


def _answer(name: str, reference: Any) -> Machine | None:
    """What a node has told; ``None`` if it was lost."""
    try:
        found: Machine = ray.get(reference)
        return found
    except RayTaskError as error:
        cause = error.cause
        raise UsageError(f"node {name}: {type(cause).__name__}: {_line(cause)}") from error
    except RayError:
        return None


def _difference(here: Environment, there: Machine) -> str | None:
    """What differs between a node and this machine, apart from its hardware; ``None`` if nothing does."""
    own, other = ({"python": each.python, **each.releases} for each in (here, there.environment))
    different = changes(own, other)
    if there.sources != node.sources():
        different.append("Tuneoff's files")
    return f"--cluster: {there.name} differs from this machine: {', '.join(different)}" if different else None


def _has(each: Node) -> dict[str, float]:
    return {option: each["Resources"].get(name, 0) for option, name in RESOURCES.items()}


def _words(count: Mapping[str, float]) -> str:
    return f"{count['num_cpus']:g} CPUs and {count['num_gpus']:g} GPUs"


def _name(each: Node) -> str:
    return f"{each['NodeManagerHostname']} ({each['NodeID'][:8]})"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
