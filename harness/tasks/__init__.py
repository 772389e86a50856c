"""From rows to prompts, tokens and batches: where data come from, and what a suite makes of them."""
