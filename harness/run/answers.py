"""How a run asks a method, and what its answers count as."""

from collections.abc import Sequence
from statistics import fmean

from ..method import Bound, Method, Question
from ..metrics.scoring import Scorer
from ..models.base_model import Model
from ..spec.metric import options_of
from ..spec.record import Answers, Lengths
from ..tasks.task import Task
from ..training.decoding import Generated


def given(method: Method, model: Model, task: Task, questions: Sequence[Question]) -> Sequence[str]:
    """What a method answers, unchecked: one of the task's labels if it chooses, or else a text."""
    if isinstance(method, Bound):
        return method.answer(questions)
    prompts = [question.prompt for question in questions]
    if chosen(method, task):
        return method.choose(model, prompts, task.labels)
    return method.generate(model, prompts)


def chosen(method: Method, task: Task) -> bool:
    """Whether a method chooses among the task's labels, as the task asks, unless it has only its own ``generate``."""
    return task.chooses and follows(type(method), "choose")


def follows(cls: type[Method], name: str) -> bool:
    """Whether that function of a class belongs to its ``generate``, rather than to one that the class has replaced."""
    own, generate = (next(each for each in cls.__mro__ if key in vars(each)) for key in (name, "generate"))
    return issubclass(own, generate)


def read(task: Task, texts: Sequence[str]) -> list[str]:
    """The answers as they are scored: what counts of them, and invalid ones as they are."""
    return [text if (found := task.read(text)) is None else found for text in texts]


def counted(task: Task, texts: Sequence[str]) -> Answers | None:
    """How many of the scored answers are valid, if the task says which may be."""
    if not task.labels:
        return None
    valid = [
        task.read(text) is not None for question, text in zip(task.questions, texts, strict=True) if question.scored
    ]
    return Answers(valid=sum(valid), invalid=len(valid) - sum(valid))


def lengths(task: Task, texts: Sequence[str], generated: Generated, scorer: Scorer) -> Lengths:
    """What truncation and stopping did to prompts, targets and answers."""
    references = [reference for question in task.questions for reference in question.references]
    options = options_of(task.metrics)
    return Lengths(
        prompts_truncated=fmean(question.truncated for question in task.questions),
        targets_truncated=task.targets_truncated,
        outputs_cut=generated.cut / generated.texts if generated.texts else None,
        outputs_empty=fmean(not text.strip() for text in texts),
        words_out=fmean(len(scorer.words(text, options)) for text in texts),
        words_reference=fmean(len(scorer.words(text, options)) for text in references),
    )
