"""How English are the answers of a suite: shares of word trigrams that training summaries have, and of facts.

For each method of a results folder, over all of its seeds:

- trigrams: the share of the answers' word trigrams (lower case, with a start mark before each text) that occur in the
  training summaries of the embedded corpus; the test references' own share is the first row;
- facts: the share of the names, numbers and days in the answers that occur in their dialogues.

``--probes`` adds how well the embedded base model reads. Prints Markdown.

    python -m benchmarks.english results/embedded
"""

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from harness.embedded import corpus
from harness.spec.record import Prediction
from harness.store.results import Store

START = "<s>"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "today", "tomorrow")
NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("fifteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand"),
)
SENTENCE_START = re.compile(r"(?:^|[.!?]\s+)\S+")


def words(text: str) -> list[str]:
    """The words and punctuation marks of a text in lower case; a speaker's tag is a word."""
    return re.findall(r"#\w+#|[\w']+|[^\w\s]", text.lower())


def trigrams(text: str) -> Iterator[tuple[str, str, str]]:
    """The trigrams of a text's words after a start mark."""
    marked = [START, *words(text)]
    yield from zip(marked, marked[1:], marked[2:], strict=False)


def share_known(texts: Iterable[str], known: set[tuple[str, str, str]]) -> float:
    """The share of all trigrams of the texts that are known."""
    found = [each in known for text in texts for each in trigrams(text)]
    return sum(found) / len(found) if found else 0.0


def facts(text: str) -> set[str]:
    """The names, numbers and days of a text, in lower case: capital letters inside sentences, digits, number words."""
    inner = SENTENCE_START.sub(" ", re.sub(r"#Person\d#('s)?", " ", text))
    names = {word.lower() for word in re.findall(r"\b[A-Z][a-z]+", inner)}
    counted = {word for word in words(text) if word.isdigit() or word in NUMBERS or word in DAYS}
    return (names | counted) - {"i"}


def share_of_facts(predictions: Iterable[Prediction]) -> float:
    """The share of the answers' facts that occur in their dialogues."""
    pairs = ((facts(each.text), set(words(each.source))) for each in predictions)
    found = [fact in said for told, said in pairs for fact in told]
    return sum(found) / len(found) if found else 0.0


def rows(folder: Path) -> Iterator[Sequence[object]]:
    """The table's lines: the references, then each method."""
    splits = corpus.splits()
    known = {each for row in splits["train"] for each in trigrams(row["summary"])}
    yield "test references", "", f"{share_known((row['summary'] for row in splits['test']), known):.1%}", ""
    store = Store(folder.parent, folder.name)
    answers: dict[str, list[Prediction]] = {}
    for record in store.read_runs():
        answers.setdefault(record.spec.method, []).extend(store.read_predictions(record.spec))
    for method, predictions in sorted(answers.items()):
        share = share_known((each.text for each in predictions), known)
        yield method, len(predictions), f"{share:.1%}", f"{share_of_facts(predictions):.1%}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, help="a suite's results, such as results/embedded")
    options.add_argument("--probes", type=int, metavar="ITEMS", default=0, help="items of each reading probe")
    asked = options.parse_args(arguments)
    headers = ("answers of", "texts", "trigrams of training summaries", "facts in the dialogue")
    print(tabulate(rows(asked.folder), headers, "pipe", disable_numparse=True))
    if asked.probes:
        from harness.embedded import pretrain  # torch

        print()
        print(tabulate(pretrain.committed_probes(asked.probes).items(), ("probe", "right"), "pipe", floatfmt=".1%"))


if __name__ == "__main__":
    main()
