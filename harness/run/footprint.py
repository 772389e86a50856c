"""Tries a run out on its longest batch, in a few steps, and finds how much memory it will need."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path

import torch

from ..method import Method, Question, Setting
from ..models import base_model
from ..models.base_model import Base, Model
from ..models.family import Batch
from ..spec import failure
from ..spec.footprint import SAFE_SHARE, Footprint
from ..spec.metric import options_of
from ..spec.plan import Order
from ..spec.record import RunSpec, Status
from ..spec.suite import Budget
from ..tasks import prepared
from ..tasks.task import PreparedTask
from ..training import autocast, decoding
from ..training.budget import Batches
from . import answers, memory, meters, weights
from .runner import Runner
from .steps import MAX_STEPS, Steps, line

MAX_BATCHES = 2_000  # among which the longest is looked for
CAUTIOUS_SHARE = 0.8  # of the memory there is, which must suffice for what a step of the base model begins with
MOMENTS = 2  # of a weight that AdamW trains, in float32
UNLIMITED = 1 << 60  # bytes


@dataclass(slots=True)
class Findings:
    """The fields of a footprint as they become known."""

    weights: int = 0
    gradients: int = 0
    optimizer: int = 0
    libraries: int = 0
    elsewhere: int = 0
    least: int = 0
    fixed: int = 0
    per_row: int = 0
    rows: int = 1
    batch_size: int = 1
    room: int = 0
    trains: bool = False
    splits_batches: bool = True
    exhausted: bool = False
    unsupported: bool = False
    reason: str | None = None

    @property
    def static(self) -> int:
        """What a training step begins with: everything but activations, with a byte per weight for a check."""
        check = self.gradients // torch.float32.itemsize
        return self.libraries + self.weights + self.gradients + (self.optimizer or MOMENTS * self.gradients) + check


def measure(order: Order, scratch: Path) -> Footprint:
    """What a run of this order needs; whatever goes wrong becomes the footprint's ``reason``.

    ``scratch`` is an empty folder for the run's files.
    """
    found, run = Findings(batch_size=order.spec.batch_size), Runner(order, scratch)
    try:
        _try_out(run, order, found)
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        _explain(error, order.plugin.path, found)
    return Footprint(**asdict(found))


def of_base(order: Order, scratch: Path) -> Footprint:
    """What a run needs that trains all weights of the base model; whatever goes wrong becomes the ``reason``.

    ``scratch`` is not used.
    """
    found = Findings(batch_size=order.spec.batch_size, rows=order.spec.batch_size)
    try:
        _try_base(order, found)
    except (Exception, SystemExit) as error:
        _explain(error, order.plugin.path, found)
    return Footprint(**asdict(found))


def untried(base: Base, order: Order) -> Footprint:
    """What can be said without a step about a run that trains all weights of the base model: it needs no less."""
    device, found = base.model.device, Findings(batch_size=order.spec.batch_size)
    meters.give_back()
    _count(base.model, device, order, found)
    found.elsewhere = memory.peak(device)
    found.libraries = max(0, memory.used(device) - found.weights)
    found.trains, found.least = found.gradients > 0, found.static
    return Footprint(**asdict(found))


def _try_base(order: Order, found: Findings) -> None:
    torch.set_num_threads(order.threads)
    device, spec = base_model.pick_device(order.device), order.spec
    found.libraries = 0 if device.type == "cuda" else memory.used(device)
    base = base_model.load(order.model, device, spec.evaluation, spec.task)
    task = prepared.load(order.task, base.family)
    _count(base.model, device, order, found)
    found.elsewhere = memory.peak(device)
    if found.gradients and task.training:
        method = _Everything(Setting(base.family, task.prompt, spec.evaluation.max_new_tokens, 1, seed=0))
        if spec.gradient_checkpointing:
            base.model.activation_checkpointing_enable({"use_reentrant": False})
        found.trains = True
        _train(method, base.model, task, spec, found, CAUTIOUS_SHARE)


class _Everything(Method):
    """All weights of the base model are trained."""

    def build(self, base: Model) -> Model:
        return base


def _try_out(run: Runner, order: Order, found: Findings) -> None:
    found.libraries = memory.used(meters.CPU)
    built = run.built()
    method, model, task = built.method, built.model, built.task
    found.trains, found.splits_batches = method.trains, method.splits_batches
    if run.device.type == "cuda":
        found.libraries = 0
    _count(model, run.device, order, found)
    found.elsewhere = _peak(run)
    if method.trains:
        method.setting = replace(method.setting, micro_batch_size=None)
        _train(method, model, task, order.spec, found)
    if not found.exhausted:
        method.setting = _at_full_length(method.setting)
        with run.meters.phase("generate"), built.scoring.reading(options_of(task.metrics)):
            answers.given(method, model, task, _longest_questions(task, order.spec))
        found.elsewhere = max(found.elsewhere, _peak(run))


def _count(model: Model, device: torch.device, order: Order, found: Findings) -> None:
    parameters = list(model.parameters())
    found.room = memory.room(device, UNLIMITED if order.room is None else order.room)
    found.weights = sum(parameter.nbytes for parameter in parameters)
    found.gradients = sum(parameter.nbytes for parameter in parameters if parameter.requires_grad)


def _train(
    method: Method, model: Model, task: PreparedTask, spec: RunSpec, found: Findings, share: float = SAFE_SHARE
) -> None:
    """Train for a few steps, unless what is known without them needs more than this share of the room."""
    batch = _longest(task, spec)
    found.rows = len(batch["labels"])
    if found.static > share * found.room:
        found.least, found.optimizer, found.exhausted = found.static, MOMENTS * found.gradients, True
        return
    gradients = weights.Gradients(model)

    def begins() -> int:
        return found.libraries + found.weights + gradients.optimizer_bytes

    steps = Steps(batch, model.device, found.room, begins)
    batches = Batches(steps, Budget(max_steps=MAX_STEPS), model.device, task.family.row_tokens, steps.told)
    try:
        with gradients.watch(), autocast.applied(model, spec.precision):
            method.train(model, batches)
        steps.told(1.0, None)
    except (Exception, SystemExit) as error:
        if not failure.out_of_memory(error):
            raise
        failure.release(error)
        found.exhausted = steps.ran_out()
    finally:
        found.optimizer = gradients.optimizer_bytes
        found.least = steps.peaks.get(1, found.static)
        if steps.peaks:
            found.fixed, found.per_row = line(steps.peaks, begins(), found.gradients)
        meters.give_back()  # as at the end of a phase, so that it is not part of the next one's peak


def _longest(task: PreparedTask, spec: RunSpec) -> Batch:
    """The batch with the most tokens, padding included, among those that the run begins with."""
    limits = spec.budget.limits()
    epoch = ceil(len(task.training) / spec.batch_size)
    examples = int(limits.get("examples", UNLIMITED))
    count = int(min(epoch, MAX_BATCHES, limits.get("steps", epoch), ceil(examples / spec.batch_size)))
    batches = islice(task.batches(spec.batch_size, spec.seed), count)
    batch = max(batches, key=lambda each: each["input_ids"].numel() + each["labels"].numel())
    return {name: tensor[:examples] for name, tensor in batch.items()}


def _longest_questions(task: PreparedTask, spec: RunSpec) -> Sequence[Question]:
    """The questions that are answered at a time and need the most memory, if each answer is as long as it may be."""
    evaluation, questions = spec.evaluation, task.questions
    lengths = [len(ids) for ids in task.family.prompt_ids([question.prompt for question in questions])]

    def tokens(batch: Sequence[int]) -> int:
        return len(batch) * (max(lengths[row] for row in batch) + evaluation.max_new_tokens)

    return [questions[row] for row in max(decoding.in_batches(lengths, evaluation.num_beams), key=tokens)]


def _at_full_length(setting: Setting) -> Setting:
    """A setting in which every answer is as long as it may be, since a trained model may write as much."""
    generation = deepcopy(setting.generation)
    if generation is not None:
        generation.min_new_tokens = setting.max_new_tokens
    return replace(setting, generation=generation, stop=())


def _peak(run: Runner) -> int:
    """The peak of the phases so far."""
    name = "peak_gpu_bytes" if run.device.type == "cuda" else "peak_rss_bytes"
    return run.meters.peak(name) or memory.peak(run.device)


def _explain(error: BaseException, plugin: Path, found: Findings) -> None:
    status, why = failure.of_exception(error, plugin)
    found.reason = why.message if status == Status.UNSUPPORTED else f"{status}: {why.cause}"
    found.unsupported = status == Status.UNSUPPORTED
    found.exhausted = status == Status.OUT_OF_MEMORY
