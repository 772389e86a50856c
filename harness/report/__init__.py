"""Rows → what people and tools read: a table in the terminal, Markdown, CSV, JSON."""
