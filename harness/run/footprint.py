"""Tries a run out on its longest batch, in a few steps, and finds how much memory it will need."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path

import torch

from ..method import Method, Question, Setting
from ..models.base_model import Base, Model
from ..models.family import Batch
from ..spec import failure
from ..spec.footprint import SAFE_SHARE, Footprint
from ..spec.metric import options_of
from ..spec.plan import Order
from ..spec.record import RunSpec, Status
from ..spec.suite import Budget
from ..tasks.task import PreparedTask
from ..training import autocast
from ..training.budget import Batches
from ..training.decoding import MAX_BATCH_TOKENS
from . import answers, memory, meters, weights
from .runner import Runner

MAX_BATCHES = 2_000  # among which the longest is looked for
ONE_ROW_STEPS = 2  # of which the second has the optimiser's state
MAX_STEPS = 4  # the others see many rows; the second of them finds memory in pieces, as later steps do
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


def of_base(base: Base, task: PreparedTask, order: Order) -> Footprint:
    """What a run needs that trains all weights of the base model, if they can be trained; changes the model.

    Nothing of it is wrong if the model cannot be trained at all: that is for the runs to say.
    """
    found = Findings(batch_size=order.spec.batch_size, rows=order.spec.batch_size)
    meters.give_back()
    _count(base.model, base.model.device, order, found)
    found.elsewhere = memory.peak(base.model.device)
    found.libraries = max(0, memory.used(base.model.device) - found.weights)
    if found.gradients and task.training:
        try:
            method = _Everything(Setting(base.family, task.prompt, order.spec.evaluation.max_new_tokens, 1, seed=0))
            if order.spec.gradient_checkpointing:
                base.model.activation_checkpointing_enable({"use_reentrant": False})
            found.trains = True
            _train(method, base.model, task, order.spec, found)
        except (Exception, SystemExit) as error:
            _explain(error, order.plugin.path, found)
    return Footprint(**asdict(found))


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
        with run.meters.phase("generate"), built.scoring.reading(options_of(task.metrics)):
            answers.given(method, model, task, _longest_questions(task, order.spec))
        found.elsewhere = max(found.elsewhere, _peak(run))


def _count(model: Model, device: torch.device, order: Order, found: Findings) -> None:
    parameters = list(model.parameters())
    found.room = memory.room(device, UNLIMITED if order.room is None else order.room)
    found.weights = sum(parameter.nbytes for parameter in parameters)
    found.gradients = sum(parameter.nbytes for parameter in parameters if parameter.requires_grad)


def _train(method: Method, model: Model, task: PreparedTask, spec: RunSpec, found: Findings) -> None:
    """Train for a few steps, unless what is known without them does not fit."""
    batch = _longest(task, spec)
    found.rows = len(batch["labels"])
    if found.static > SAFE_SHARE * found.room:
        found.fixed, found.optimizer, found.exhausted = found.static, MOMENTS * found.gradients, True
        return
    steps, gradients = Steps(batch, model.device, found), weights.Gradients(model)
    batches = Batches(steps, Budget(max_steps=MAX_STEPS), model.device, task.family.row_tokens, steps.told)
    try:
        with gradients.watch(), autocast.applied(model, spec.precision):
            method.train(model, batches)
        steps.told(1.0, None)
    except (Exception, SystemExit) as error:
        if not failure.out_of_memory(error):
            raise
        failure.release(error)
        found.exhausted = True
    finally:
        found.optimizer = gradients.optimizer_bytes
        found.fixed, found.per_row = steps.line()
        meters.give_back()  # as at the end of a phase, so that it is not part of the next one's peak


class Steps(Iterator[Batch]):
    """The batches of a few steps: the first row of one batch, twice, and then as many of its rows as fit, twice.

    It has the peak of each step that has ended.
    """

    def __init__(self, batch: Batch, device: torch.device, found: Findings):
        self._batch, self._device, self._found = batch, device, found
        self._rows: list[int] = []  # of each step
        self._peaks: list[int] = []

    def __next__(self) -> Batch:
        rows = 1 if len(self._rows) < ONE_ROW_STEPS else self._many()
        self._rows.append(rows)
        return {name: tensor[:rows] for name, tensor in self._batch.items()}

    def told(self, share: float, loss: float | None) -> None:
        """A step has ended, or the first one begins."""
        if len(self._peaks) < len(self._rows):
            self._peaks.append(memory.peak(self._device))
        meters.restart(self._device)

    def line(self) -> tuple[int, int]:
        """What a step needs: so much, and so much for each row."""
        peaks: dict[int, int] = {}
        for rows, peak in zip(self._rows, self._peaks, strict=False):
            peaks[rows] = max(peak, peaks.get(rows, 0))
        if not peaks:
            return self._found.static, 0
        one, (rows, many) = peaks[1], max(peaks.items())
        per_row = max(0, ceil((many - one) / (rows - 1)) if rows > 1 else one - self._found.static)
        return many - per_row * rows, per_row

    def _many(self) -> int:
        """How many rows fit, by what one needs."""
        if len(self._rows) > ONE_ROW_STEPS:
            return self._rows[-1]
        one = max(1, self._peaks[-1] - self._found.static)
        fitting = (SAFE_SHARE * self._found.room - self._found.static) / one
        return max(1, min(len(self._batch["labels"]), int(fitting)))


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
    """The questions with the longest prompts, as many as are answered at a time."""
    questions = sorted(task.questions, key=lambda question: -len(question.prompt))
    tokens = len(task.family.prompt_ids([questions[0].prompt])[0])
    return questions[: max(1, MAX_BATCH_TOKENS // (tokens * spec.evaluation.num_beams))]


def _peak(run: Runner) -> int:
    """The peak of the phases so far."""
    name = "peak_gpu_bytes" if run.device.type == "cuda" else "peak_rss_bytes"
    return run.meters.peak(name) or memory.peak(run.device)


def _explain(error: BaseException, plugin: Path, found: Findings) -> None:
    status, why = failure.of_exception(error, plugin)
    found.reason = why.message if status == Status.UNSUPPORTED else f"{status}: {why.cause}"
    found.unsupported = status == Status.UNSUPPORTED
    found.exhausted = status == Status.OUT_OF_MEMORY
