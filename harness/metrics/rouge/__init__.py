"""ROUGE: a scorer that equals ``rouge_score``, and the ``evaluate`` metric made of it."""
