"""How a run asks a method, and what its answers count as."""

from collections.abc import Sequence
from math import isfinite
from statistics import fmean

from ..method import Bound, Method, Question
from ..metrics.several import Scored, Scoring
from ..models.base_model import Model
from ..spec.errors import ContractError, Diverged, Unsupported
from ..spec.metric import Likelihood, Needs, options_of
from ..spec.record import Answers, Lengths, Prediction
from ..tasks.task import PreparedTask
from ..training.decoding import Generated


def given(method: Method, model: Model, task: PreparedTask, questions: Sequence[Question]) -> Sequence[str]:
    """What a method answers, unchecked: one of the task's labels if it chooses, or else a text."""
    if isinstance(method, Bound):
        return method.answer(questions)
    prompts = [question.prompt for question in questions]
    if chosen(method, task):
        return method.choose(model, prompts, task.labels)
    return method.generate(model, prompts)


def chosen(method: Method, task: PreparedTask) -> bool:
    """Whether a method chooses among the task's labels, as the task asks, unless it has only a way of its own."""
    return task.chooses and not isinstance(method, Bound) and follows(type(method), "choose")


def follows(cls: type[Method], name: str) -> bool:
    """Whether that function of a class belongs to its ``generate``, rather than to one that the class has replaced."""
    own, generate = (next(each for each in cls.__mro__ if key in vars(each)) for key in (name, "generate"))
    return issubclass(own, generate)


def likelihoods(method: Method, model: Model, task: PreparedTask) -> list[Likelihood]:
    """How likely a model finds the targets of each question together, asked as the method asks it.

    Raises ``Diverged`` for what is no number.
    """
    pairs = [(question.prompt, text) for question in task.questions for text in question.targets]
    prompts, targets = [prompt for prompt, _ in pairs], [text for _, text in pairs]
    found = method.likelihoods(model, prompts, targets)
    if len(found) != len(pairs):
        raise ContractError(f"likelihoods() returned {len(found)} likelihoods for {len(pairs)} targets")
    each = iter(found)
    return [_together([next(each) for _ in question.targets]) for question in task.questions]


def check(method: Method, scoring: Scoring) -> None:
    """Raise ``Unsupported`` if a metric needs likelihoods, and the method does not answer by those of its model."""
    answers_otherwise = isinstance(method, Bound) or not follows(type(method), "likelihoods")
    if scoring.needs_likelihoods and answers_otherwise:
        titles = ", ".join(metric.title for metric in scoring.metrics if metric.needs == Needs.LIKELIHOODS)
        raise Unsupported(f"it does not answer with the model alone, so there is no {titles}")


def read(task: PreparedTask, texts: Sequence[str]) -> list[str]:
    """The answers as they are scored: what counts of them.

    An invalid answer is scored as it is or, if only a part of a text counts, as an empty one.
    """
    invalid = texts if task.reading.whole else [""] * len(texts)
    found = map(task.read, texts)
    return [other if one is None else one for one, other in zip(found, invalid, strict=True)]


def counted(task: PreparedTask, texts: Sequence[str]) -> Answers | None:
    """How many of the scored answers are valid, if the task says which may be."""
    if task.reading.whole and not task.labels:
        return None
    valid = [
        task.read(text) is not None for question, text in zip(task.questions, texts, strict=True) if question.scored
    ]
    return Answers(valid=sum(valid), invalid=len(valid) - sum(valid))


def predictions(task: PreparedTask, texts: Sequence[str], scored: Scored) -> tuple[Prediction, ...]:
    """The answers to a task's questions as they were written, with what was scored of them where that is not all."""
    rows = zip(task.questions, texts, read(task, texts), scored.examples, scored.closest, strict=True)
    return tuple(
        Prediction(
            id=question.id,
            rows=question.rows,
            scored=question.scored,
            source=question.source,
            references=question.references,
            text=text,
            answer=None if answer == text else answer,
            scores=scores,
            best=closest,
        )
        for question, text, answer, scores, closest in rows
    )


def best_scores(found: Sequence[Prediction]) -> dict[str, float] | None:
    """The mean scores against the closest reference; ``None`` if no metric tells references apart."""
    scored = [each.best for each in found if each.scored]
    return {name: fmean(each[name] for each in scored) for name in scored[0]} or None


def lengths(task: PreparedTask, texts: Sequence[str], generated: Generated, scoring: Scoring) -> Lengths:
    """What truncation and stopping did to prompts, targets and answers."""
    references = [reference for question in task.questions for reference in question.references]
    options = options_of(task.metrics)
    return Lengths(
        prompts_truncated=fmean(question.truncated for question in task.questions),
        targets_truncated=task.targets_truncated,
        outputs_cut=generated.cut / generated.texts if generated.texts else None,
        outputs_empty=fmean(not text.strip() for text in texts),
        words_out=fmean(len(scoring.words(text, options)) for text in read(task, texts)),
        words_reference=fmean(len(scoring.words(text, options)) for text in references),
    )


def _together(found: Sequence[Likelihood]) -> Likelihood:
    """The likelihood of several references."""
    total = Likelihood(sum(one.nats for one in found), sum(one.tokens for one in found))
    if not isfinite(total.nats):
        raise Diverged("the likelihood of a reference is NaN or zero")
    return total
