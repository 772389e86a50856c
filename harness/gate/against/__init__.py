"""Comparison with another revision of the project: both sides alternate in the same job."""
