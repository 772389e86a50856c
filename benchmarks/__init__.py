"""Measurements side by side in one job: each module is a script that prints ratios, see docs/performance.md."""
