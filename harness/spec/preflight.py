"""What the checks before the first run found."""

from collections.abc import Mapping

from .block import Block
from .metric import Metric
from .prompt_format import PromptFormat
from .record import Environment, Generation


class Leakage(Block):
    """The numbers of test dialogues that occur in the training split, out of ``test`` distinct ones."""

    test: int
    exact: int
    near: int  # similar, but not equal


class TrainingExample(Block):
    """A training example as the model sees it, token by token; the loss counts all but the first ``prompt`` tokens."""

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    prompt: int

    @property
    def target(self) -> int:
        """The number of tokens that the loss counts."""
        return len(self.ids) - self.prompt


class Preflight(Block):
    """What is known before the first run and holds for all runs."""

    leakage: Leakage
    environment: Environment
    elsewhere: tuple[Environment, ...] = ()  # the other environments in which runs of this session may be executed
    gpus: tuple[str, ...] = ()  # those on which runs may be executed, as ``CUDA_VISIBLE_DEVICES`` names them
    run_bytes: int = 0  # memory that a run needs if it trains all weights of the base model
    room_bytes: int = 0  # memory that the device has for runs
    data_hash: str
    data_revision: str | None = None
    model_revision: str
    metrics: tuple[Metric, ...]  # with their options resolved for these data; the first one determines the ranking
    unusual: Mapping[str, str] = {}  # the metrics' options that differ from the usual ones
    generation: Generation = Generation()
    prompt_format: PromptFormat | None = None
    validation_hash: str | None = None  # of the rows that trials train on and answer, if there is a search
    rows_skipped: int = 0
    notices: tuple[str, ...] = ()  # what the user should know about how the input was read, one line each
    example: TrainingExample | None = None  # the first one
