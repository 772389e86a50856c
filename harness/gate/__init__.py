"""Comparison with the accepted baseline, with a verdict on each row."""
