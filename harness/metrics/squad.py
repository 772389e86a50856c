"""How SQuAD compares short answers: without case, punctuation, articles and surplus white space.

P. Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, EMNLP 2016; as evaluate's squad.
"""

import re
import string

ARTICLE = re.compile(r"\b(a|an|the)\b")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """The words that count, in order."""
    return ARTICLE.sub(" ", text.lower().translate(NO_PUNCTUATION)).split()


def unread(kind: str) -> str:
    """What to do about references without such words, to append to a message."""
    return f"; {kind} ignores punctuation and the words a, an and the: accuracy compares labels as they are"
