"""How SQuAD compares short answers: without case, punctuation, articles and surplus white space.

P. Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, EMNLP 2016; as evaluate's squad.
Beyond ASCII, punctuation and scripts without spaces are read as in P. Lewis et al., MLQA: Evaluating Cross-lingual
Extractive Question Answering, ACL 2020: all of Unicode's punctuation is left out, and each character is a word.
"""

import re
import string

import regex

from . import scripts

ARTICLE = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = regex.compile(rf"[\p{{P}}{re.escape(string.punctuation)}]")


def words(text: str) -> list[str]:
    """The words that count, in order."""
    return scripts.words(ARTICLE.sub(" ", PUNCTUATION.sub("", text.lower())))


def unread(kind: str) -> str:
    """What to do about references without such words, to append to a message."""
    return f"; {kind} ignores punctuation and the words a, an and the: accuracy compares labels as they are"
