"""ROUGE: a scorer with the same figures as ``rouge_score``, and an ``evaluate`` metric based on it."""
