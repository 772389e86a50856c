"""(h) Generation in batches compared with one prompt at a time, which plain ``transformers`` generates.

Both answer the same prompts without sampling, with at most 64 new tokens each, and each side has a process of its own;
the first prompt is answered once before, which is not counted. The batches of a decoder-only model are padded on the
left. Also prints how many of the answers are the same on both sides.

    python -m benchmarks.one_by_one --family causal --data FILE --prompts 32
"""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.figures import clocked, show
from benchmarks.random_checkpoints import SHAPES
from benchmarks.setting import OURS, Workload, apart, first, parser, setting
from harness.training import decoding

NEW_TOKENS = 64


class Answered(NamedTuple):
    """The answers to all prompts, how many tokens they have, and how long they took."""

    texts: list[str]
    tokens: int
    seconds: float

    @property
    def rate(self) -> float:
        """New tokens per second."""
        return self.tokens / self.seconds


def alone(job: Workload, prompts: Sequence[str]) -> Answered:
    """One call of ``generate`` for each prompt."""
    model = job.plain().eval()
    texts: list[str] = []
    lengths: list[int] = []

    def answer(prompts: Sequence[str]) -> None:
        for ids in job.family.prompt_ids(prompts):
            (new,) = job.family.answers(model, [ids], max_new_tokens=NEW_TOKENS, num_beams=1, do_sample=False)
            texts.append(job.tokenizer.decode(new, skip_special_tokens=True).strip())
            lengths.append(len(new))

    answer(prompts[:1])
    seconds = clocked(lambda: answer(prompts), job.finish)
    return Answered(texts[1:], sum(lengths[1:]), seconds)


def batched(job: Workload, prompts: Sequence[str]) -> Answered:
    """The same with the harness, which puts prompts of similar length into a batch."""
    model = job.base()
    texts: list[str] = []

    def answer(prompts: Sequence[str]) -> None:
        texts.extend(decoding.generate(model, job.family, prompts, max_new_tokens=NEW_TOKENS))

    answer(prompts[:1])
    with decoding.counting() as generated:
        seconds = clocked(lambda: answer(prompts), job.finish)
    return Answered(texts[1:], generated.tokens, seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both, and print rates and ratio."""
    options = parser(__doc__, families=[*SHAPES])
    options.add_argument("--prompts", type=int, default=32)
    asked = options.parse_args(arguments)
    with setting(asked) as job:
        prompts = [question.prompt for question in job.task(first(job.rows, asked.prompts)).questions]
        theirs, mine = apart({}, alone, job, prompts), apart(OURS, batched, job, prompts)
    same = sum(a == b for a, b in zip(theirs.texts, mine.texts, strict=True))
    rows = [
        (name, f"{each.tokens:,} new tokens   {each.seconds:.1f} s   {each.rate:,.0f} tokens/s")
        for name, each in (("one by one", theirs), ("in batches", mine))
    ]
    figures = [("ratio", f"{mine.rate / theirs.rate:.2f}"), ("answers that are the same", f"{same} of {len(prompts)}")]
    show(f"{len(prompts)} prompts, {job.family.name}", rows + figures)


if __name__ == "__main__":
    main()
