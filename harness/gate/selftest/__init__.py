"""The gate tried on methods that are known to be as good or worse."""
