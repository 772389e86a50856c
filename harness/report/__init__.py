"""From ranked rows to what people and tools read: terminal tables, Markdown, CSV, JSON and an HTML report."""
