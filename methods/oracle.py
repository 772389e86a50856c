"""Oracle: turns closest to the references, extraction's upper bound (Nallapati et al., AAAI 2017, arXiv:1611.04230)."""

from collections.abc import Sequence

from harness.method import Bound, Question, rouge


class Oracle(Bound):
    def answer(self, questions: Sequence[Question]) -> list[str]:
        return [_best(question.dialogue.splitlines(), question.references) for question in questions]


def _best(turns: Sequence[str], references: Sequence[str]) -> str:
    """Turns in their order, the one that raises ROUGE-1 most added until none does."""
    best, kept, level = "", list[int](), 0.0
    while options := [sorted([*kept, turn]) for turn in range(len(turns)) if turn not in kept]:
        texts = [" ".join(turns[turn] for turn in option) for option in options]
        scores = [mean["rouge1"] for mean, _ in rouge(texts, [references] * len(texts))]
        if max(scores) <= level:
            break
        level = max(scores)
        best, kept = texts[scores.index(level)], options[scores.index(level)]
    return best
