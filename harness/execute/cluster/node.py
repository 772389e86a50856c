"""What Ray does on a node: it receives the files of an order, and lets a sealed process of that machine execute it."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

import ray
from ray.exceptions import RayError

from ...spec import failure
from ...spec.figures import changes
from ...spec.hashing import digest_of_files
from ...spec.plan import Order
from ...spec.record import Environment, release
from ...spec.registry import Plugin
from ..sealed import Sealed
from .parcels import Bytes, Parcel, read, unpack

PACKAGE = Path(__file__).parents[2]
SPACE_BYTES = 16 * 2**20  # a disk with less is full


@dataclass(frozen=True)
class Job:
    """An order, and the parcels in place of the paths that it names; ``session`` names a folder on each node.

    ``own`` and ``sources`` are what there is on the session's machine: its environment, and a hash of Tuneoff's files.
    """

    order: Order
    session: str
    parcels: Mapping[Path, Parcel]  # without a model that the node has, or that it gets from the hub
    own: Environment
    sources: str

    @property
    def folder(self) -> Path:
        """The session's folder on this node, which is not that of another node on the same machine."""
        return folder(self.session) / str(ray.get_runtime_context().get_node_id())[:12]


@dataclass(frozen=True)
class Machine:
    """What runs on a node find there, and how it differs from the session's machine."""

    name: str
    environment: Environment
    different: str | None


@dataclass(frozen=True)
class Done:
    """The JSON of a ``RunOutcome``, and the files of the model that it keeps; ``node`` is Ray's id.

    Or, in ``refused``, why this node cannot execute runs.
    """

    node: str
    outcome: str = ""
    kept: Mapping[str, Bytes] = field(default_factory=dict)
    refused: str | None = None


def execute(job: Job) -> Done:
    """Execute a run, unless this node differs from the session's machine; an error of the node is in the result."""
    done = Done(ray.get_runtime_context().get_node_id())
    try:
        different = unlike(job.own, job.sources)
        return replace(done, refused=different) if different else _executed(job, done)
    except RayError:
        raise
    except Exception as error:  # whatever its disk, its temporary folder and its installation raise
        return replace(done, refused=f"{type(error).__name__}: {error}")


def fetch(job: Job) -> None:
    """Download the base model, unless this node has it."""
    _sealed(job.folder).fetch(_received(job))


def survey(job: Job) -> Machine:
    """Find out what runs on this node find."""
    return Machine(_name(), _sealed(job.folder).survey(_received(job)), unlike(job.own, job.sources))


def clear(session: str) -> None:
    """Remove what a session has left on this node."""
    shutil.rmtree(folder(session), ignore_errors=True)


def folder(session: str) -> Path:
    """Where a session keeps its files on any machine."""
    return Path(tempfile.gettempdir()) / session


def unlike(own: Environment, own_sources: str) -> str | None:
    """What differs between this node and the session's machine, apart from the hardware; ``None`` if nothing does."""
    here = {"python": platform.python_version(), **{name: release(version(name)) for name in own.packages}}
    different = changes({"python": own.python, **own.releases}, here)
    if own_sources != sources():
        different.append("Tuneoff's files")
    return f"differs from the session's machine: {', '.join(different)}" if different else None


@cache
def sources() -> str:
    """A hash of the files of Tuneoff on this machine."""
    return digest_of_files(PACKAGE, sorted(PACKAGE.rglob("*.py")))


@cache
def _sealed(folder: Path) -> Sealed:
    """The sealed processes of this worker of Ray."""
    main = sys.modules["__main__"]
    if hasattr(main, "__file__"):  # otherwise, each process would begin by executing Ray's script
        del main.__file__
    return Sealed(folder / f"worker-{os.getpid()}")


def _executed(job: Job, done: Done) -> Done:
    folder = Path(tempfile.mkdtemp(dir=_existing(job.folder)))
    try:
        order = _received(job)
        kept = folder / "kept" if order.keep else None
        (folder / "run").mkdir()
        outcome = _sealed(job.folder).attempt(replace(order, keep=kept), folder / "run")
        shutil.rmtree(folder / "run", ignore_errors=True)  # which may have filled the disk
        if (error := outcome.record.error) and failure.disk_failed(error) and not has_space(folder):
            return replace(done, refused=error.cause)
        if not order.gpus and _has_room_beside(job.order.threads):
            outcome = outcome.contended()
        return replace(done, outcome=outcome.model_dump_json(), kept=read(kept) if kept and kept.exists() else {})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has_space(folder: Path) -> bool:
    """Whether a large file can be written into this folder."""
    try:
        (folder / "space").write_bytes(bytes(SPACE_BYTES))
    except OSError:
        return False
    (folder / "space").unlink()
    return True


def _received(job: Job) -> Order:
    """The order with the paths that its files have on this node, and with the GPUs that Ray gave to it."""
    order, received = job.order, job.folder / "received"

    def here(plugin: Plugin) -> Plugin:
        return replace(plugin, path=_file(job.parcels[plugin.path], plugin.path, received))

    model = job.parcels.get(Path(order.model.name))
    return replace(
        order,
        plugin=here(order.plugin),
        metrics=tuple(map(here, order.metrics)),
        task=unpack(job.parcels[order.task], received),
        model=order.model.model_copy(update={"name": str(unpack(model, received))}) if model else order.model,
        gpus=tuple(ray.get_runtime_context().get_accelerator_ids().get("GPU", [])),
    )


def _file(parcel: Parcel, path: Path, received: Path) -> Path:
    """Where a plugin's file is: at the same path as on the session's machine if it is the same file."""
    same = path.is_file() and digest_of_files(path.parent, [path]) == parcel.hash
    return path if same else unpack(parcel, received)


def _has_room_beside(threads: int) -> bool:
    """Whether this node may execute another run beside one with so many threads."""
    return bool(_node()["Resources"].get("CPU", 0) >= 2 * threads)


def _name() -> str:
    return str(_node()["NodeManagerHostname"])


def _node() -> Mapping[str, Mapping[str, float]]:
    own = ray.get_runtime_context().get_node_id()
    found: Mapping[str, Mapping[str, float]] = next(node for node in ray.nodes() if node["NodeID"] == own)
    return found


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
