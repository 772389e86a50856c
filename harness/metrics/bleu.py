"""BLEU of sacrebleu, with its usual settings: n-grams of up to four words of all examples together.

K. Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation, ACL 2002; M. Post, A Call for
Clarity in Reporting BLEU Scores, WMT 2018.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final

from ..spec.metric import Metric
from ..spec.suite import AUTO
from .scoring import Array, Scorer, Settled
from .scripts import han, unspaced

TOKENIZER: Final = "bleu_tokenizer"  # the key of [evaluation]
USUAL: Final = "13a"  # sacrebleu's: splits at spaces and punctuation
INTERNATIONAL, CHINESE, CHARACTERS = "intl", "zh", "char"
SPACED = (USUAL, INTERNATIONAL)  # tokenizers that read a sentence without spaces as one word
MAX_UNREAD_SHARE = 0.01  # the share of references that the usual tokenizer may fail to read


def described(tokenizer: str = USUAL) -> Metric:
    """BLEU over words that this tokenizer of sacrebleu finds."""
    return Metric(
        id="bleu",
        title="BLEU",
        corpus=True,
        library="sacrebleu",
        legend=f"BLEU in points (sacrebleu, tokenizer {tokenizer})",
        options={TOKENIZER: tokenizer},
    )


class Bleu(Scorer):
    """BLEU; of several references, an n-gram may be in any, and the length is compared with the closest one's."""

    metrics: ClassVar[tuple[Metric, ...]] = (described(),)
    options: ClassVar[Mapping[str, Sequence[str]]] = {TOKENIZER: (USUAL, INTERNATIONAL, CHINESE, CHARACTERS)}

    def statistics(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[float]]:
        """The words of the answer and of its reference, then n-grams that match and all n-grams, for n from 1 to 4."""
        from sacrebleu.metrics import BLEU  # imported here and below: it takes a while, and is rarely needed

        bleu = BLEU(tokenize=self.option(TOKENIZER), effective_order=True)  # which affects no count
        scores = [bleu.sentence_score(text, list(group)) for text, group in zip(answers, references, strict=True)]
        return [[one.sys_len, one.ref_len, *one.counts, *one.totals] for one in scores]

    def value(self, sums: Array, count: int) -> float:
        """As ``sacrebleu.corpus_bleu``, in 0..1."""
        from sacrebleu.metrics import BLEU

        words, reference_words, *counts = sums.tolist()
        half = len(counts) // 2
        found = BLEU.compute_bleu(
            counts[:half], counts[half:], int(words), int(reference_words), smooth_method="exp", max_ngram_order=half
        )
        return min(float(found.score) / 100, 1.0)  # which rounding may exceed

    def settled(self, asked: Mapping[str, str], references: Iterable[str]) -> Settled:
        """BLEU with the tokenizer for this data set, and a notice if an unusual one was chosen for it."""
        wanted = asked.get(TOKENIZER, AUTO)
        tokenizer = choose(references) if wanted == AUTO else wanted
        if tokenizer == USUAL:
            return Settled(self.metrics, {})
        notices = (NOTICE.format(tokenizer),) if wanted == AUTO else ()
        return Settled((described(tokenizer),), {TOKENIZER: tokenizer}, notices)

    def reads(self, reference: str, options: Mapping[str, str]) -> bool:
        """Whether the tokenizer finds the words of a reference."""
        return bool(reference.strip()) and not (options[TOKENIZER] in SPACED and unspaced(reference))

    def remedy(self, unread: Sequence[str], options: Mapping[str, str]) -> str:
        """A suggestion to use another tokenizer, if there is any text."""
        readable = [reference for reference in unread if reference.strip()]
        return f', or set evaluation.{TOKENIZER} = "{choose(readable)}"' if readable else ""


def choose(references: Iterable[str]) -> str:
    """The tokenizer for a data set with these references: the usual one if they have spaces between words."""
    known = list(references)
    odd = [reference for reference in known if unspaced(reference)]
    if len(odd) <= MAX_UNREAD_SHARE * len(known):
        return USUAL
    return CHINESE if all(map(han, odd)) else CHARACTERS


NOTICE = (
    "BLEU compares single characters of scripts without spaces, because sacrebleu's usual tokenizer would take a "
    'sentence without spaces for one word (bleu_tokenizer = "{}")'
)
