"""From rows to prompts, tokens and batches: reading data and preparing them for a suite."""
