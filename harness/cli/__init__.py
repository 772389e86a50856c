"""Tuneoff's command lines: pytest's options, fixtures and terminal, and ``python -m tuneoff``."""
