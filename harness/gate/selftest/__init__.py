"""The gate tested on methods that are known to be as good or worse."""
