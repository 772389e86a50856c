"""The nodes of a Ray cluster: which there are, which have what a run needs, and what runs find on them."""

import logging
import socket
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...spec.errors import UsageError
from ...spec.preflight import Preflight
from ...spec.suite import RunTable
from .. import machine
from .node import Machine

AUTO = "auto"
CUDA = "cuda"
CONNECT_SECONDS = 10.0
SURVEY_SECONDS = 300.0  # time limit for all nodes to answer; one whose GPUs are all in use does not
RESOURCES = {"num_cpus": "CPU", "num_gpus": "GPU"}  # Ray's option of a task, and its name for what a node has
NODE_ID = "ray.io/node-id"  # Ray's label of each node

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
            if address != AUTO or error.__cause__ is not None:  # a cluster was found, but cannot be joined
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


def options(needed: Needs, memory: int = 0, avoided: Collection[str] = ()) -> dict[str, Any]:
    """Ray's options of a run that needs this, and so many bytes of memory, on a node that is not ``avoided``.

    If that is more than the smallest of the large nodes has, it is all that this one has: then a run is alone on each
    of them. A node is large if it has more than half as much memory as the largest one. If all nodes are avoided, none
    is.
    """
    able = [each for each in alive() if fits(each, needed)]
    good = [each for each in able if each["NodeID"] not in avoided] or able
    sizes = [int(each["Resources"].get("memory", 0)) for each in good]
    least = min((size for size in sizes if size > max(sizes) / 2), default=0)
    room = {"memory": min(memory, least)} if memory and least else {}
    bad = [each["NodeID"] for each in able if each not in good]
    return {**needed, **room, **({"label_selector": {NODE_ID: f"!in({','.join(bad)})"}} if bad else {})}


def alive() -> list[Node]:
    """The nodes that Ray can reach."""
    return [each for each in ray.nodes() if each["Alive"]]


def fits(each: Node, needed: Needs) -> bool:
    """Whether a node has what a run needs, when nothing else is on it."""
    return all(_has(each)[name] >= count for name, count in needed.items())


def possible(options: Mapping[str, Any]) -> bool:
    """Whether a node that Ray can reach has what a run with these options asks for, when nothing else is on it."""
    needed = {name: options[name] for name in RESOURCES}
    bad = options.get("label_selector", {}).get(NODE_ID, "")
    able = (each for each in alive() if fits(each, needed) and each["NodeID"] not in bad)
    return any(each["Resources"].get("memory", 0) >= options.get("memory", 0) for each in able)


def name_of(node: str) -> str:
    """The name of the node with this id of Ray's, for messages."""
    return next((_name(each) for each in ray.nodes() if each["NodeID"] == node), node[:8])


def on(each: Node, function: Callable[..., Any], needed: Needs | None = None) -> Any:
    """Ray's remote form of a function, to be called on that node."""
    there = NodeAffinitySchedulingStrategy(each["NodeID"], soft=False)
    return ray.remote(function).options(**(needed or {"num_cpus": 0}), scheduling_strategy=there, max_retries=3)


def fetched(fetch: Callable[[Node], Any], needed: Needs) -> None:
    """Wait until these nodes have the base model, however long that takes; nodes that are lost do not matter.

    Raises ``UsageError`` for a node that cannot have it.
    """
    asked = {fetch(each): _name(each) for each in alive() if fits(each, needed)}
    waiting = list(asked)
    while waiting:
        (done,), waiting = ray.wait(waiting)
        _answer(asked[done], done)


def surveyed(here: Preflight, survey: Callable[[Node], Any], needed: Needs) -> Preflight:
    """What holds for runs on these nodes: what was found on this machine, with the environments of the nodes.

    Raises ``UsageError`` for a node whose versions differ from those of this machine. A node that does not answer in
    time is named in a notice.
    """
    asked = {survey(each): _name(each) for each in alive() if fits(each, needed)}
    answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=SURVEY_SECONDS)
    for reference in silent:
        ray.cancel(reference)
    found = list(filter(None, (_answer(asked[reference], reference) for reference in answered)))
    if not found:
        raise UsageError(f"--cluster: lost, or busy, during the checks: {', '.join(asked.values()) or 'all nodes'}")
    if lines := [f"--cluster: {each.name} {each.different}" for each in found if each.different]:
        raise UsageError("\n".join([*lines, "install the same versions on all nodes"]))
    attention = {"attention": here.environment.attention}
    kinds = {each.hash: each.model_copy(update=attention) for each in (one.environment for one in found)}
    first, *others = sorted(kinds.values(), key=lambda each: (each.device_name, each.hash))
    late = [f"{asked[reference]} did not answer in {SURVEY_SECONDS:g} s: not checked" for reference in silent]
    notices = (*here.notices, _described(needed), *late)
    return here.model_copy(update={"environment": first, "elsewhere": tuple(others), "notices": notices})


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


def _described(needed: Needs) -> str:
    """The cluster, in a line for the session's notices."""
    able, address = [each for each in alive() if fits(each, needed)], ray.get_runtime_context().gcs_address
    total = {name: sum(_has(each)[name] for each in able) for name in RESOURCES}
    return f"cluster {address}: nodes that can execute a run: {len(able)}, with {_words(total)}"


def _has(each: Node) -> dict[str, float]:
    return {option: each["Resources"].get(name, 0) for option, name in RESOURCES.items()}


def _words(count: Mapping[str, float]) -> str:
    return f"{count['num_cpus']:g} CPUs and {count['num_gpus']:g} GPUs"


def _name(each: Node) -> str:
    return f"{each['NodeManagerHostname']} ({each['NodeID'][:8]})"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
