"""From ranked rows to what people and tools read: terminal, Markdown, CSV and JSON."""
